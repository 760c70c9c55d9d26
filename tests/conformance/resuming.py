#!/usr/bin/env python3
"""A hub in plain Python whose connections break, and whose calls go on; written from docs/protocol.md
alone.

resuming.py prints its port and waits for a plugin that stays connected, with the methods of hub.py,
and `running`, which says how many calls of `sleep` run. It has many calls, on one connection after the
other, and checks what becomes of each.

It exits with 0 if all was right, else with 1. Its last lines say which kinds of frames it sent and
received.
"""
import socket, sys
from hub import METHODS, Plugin, expect
from wire import *

WINDOW_MS = 600_000  # longer than anything here
LONG = b"600000"  # for `sleep`

class Hub:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.generation, self.instance, self.epoch = 0, None, bytes(range(16))
        self.plugin = None

    def next(self):
        """The plugin's next connection, up to its Resume; returns that."""
        plugin = self.plugin = Plugin(self.listener)
        expect(plugin.features & RESUMPTION, RESUMPTION)
        expect(plugin.instance, self.instance or plugin.instance)
        self.instance = plugin.instance
        if METHODS:
            plugin.accept()
        else:
            plugin.describe()
            METHODS.update((name, number) for number, name in enumerate(plugin.methods))
        self.generation += 1
        plugin.welcome(features=RESUMPTION, epoch=self.epoch, generation=self.generation)
        seen, kept, more = [], [], True
        while more:
            fields = plugin.stream.expect(RESUME)
            seen, kept, more = seen + fields.origins(64), kept + fields.origins(512), fields.boolean()
            fields.end()
        return seen, sorted(kept)
    def cut(self):
        self.plugin.stream.finish()
    def end(self, code):
        self.plugin.stream.send(GOODBYE, varint(code) + string(""))
        self.cut()

    # On the present connection.
    def start(self, method, payload, window_ms=WINDOW_MS, **fields):
        """Sends a resumable call; returns its id and its origin."""
        call = self.plugin.call(method, payload, window_ms=window_ms, **fields)
        return call, (self.generation, call)
    def go_on(self, origin, timeout_ms=0):
        self.plugin.last_call += 1
        header = varint(self.plugin.last_call) + varint(origin[0]) + varint(origin[1]) + varint(timeout_ms)
        self.plugin.stream.send(CONTINUE, header)
        return self.plugin.last_call
    def confirm(self, call):
        self.plugin.stream.send(CONFIRM, varint(call))
    def resumed(self):
        self.plugin.stream.send(RESUMED)
    def running(self):
        return decoded(self.plugin.reply(self.plugin.call("running")))
    def expect_running(self, count):
        while self.running() != count:  # A handler that is cancelled ends a little later.
            pass

def over_a_cut(hub):
    expect(hub.next(), ([], []))
    hub.resumed()
    sleeping, origin = hub.start("sleep", b"300")
    other, plain = hub.start("sleep", LONG)[1], hub.plugin.call("sleep", LONG)
    hub.expect_running(3)
    newest = hub.plugin.last_call
    hub.cut()
    # Both run, and the plugin has seen all calls.
    expect(hub.next(), ([(1, newest)], [origin, other]))
    again = hub.go_on(origin)
    hub.resumed()
    expect(hub.plugin.reply(again), b"300")
    hub.confirm(again)
    # Neither the one that is not named runs on, nor the one that is not resumable.
    hub.expect_running(0)

def an_answer_is_held(hub):
    metadata = [("a", "1"), ("", "")]
    call, origin = hub.start("echo", b'{"n":1}', metadata=metadata)
    expect(hub.plugin.stream.expect(METADATA).pairs(), metadata)
    expect(hub.plugin.reply(call), b'{"n":1}')
    # Not confirmed; and an error is an answer, too.
    error, failed = hub.start("fail", b'{"code":"busy","message":"later","data":[1]}')
    told = hub.plugin.failed(error)
    for _ in range(2):
        newest = hub.plugin.last_call
        hub.cut()
        expect(hub.next(), ([(hub.generation - 1, newest)], [origin, failed]))
        error, call = hub.go_on(failed), hub.go_on(origin)
        expect(hub.plugin.failed(error), told)
        expect(hub.plugin.stream.expect(METADATA).pairs(), metadata)
        expect(hub.plugin.reply(call), b'{"n":1}')
        hub.resumed()
    hub.confirm(error), hub.confirm(call)
    hub.confirm(call)  # is held no more, so it is ignored
    hub.plugin.lives()
    newest = hub.plugin.last_call
    hub.cut()
    expect(hub.next(), ([(hub.generation - 1, newest)], []))
    hub.resumed()

def what_has_not_arrived(hub):
    whole, origin = hub.start("echo", b"1")
    expect(hub.plugin.reply(whole), b"1")
    # A part of a call.
    hub.plugin.stream.write(frame(RESUMABLE, b"\1" + varint(whole + 1), length=40))
    hub.cut()
    # Lost at once again, twice: both are said until Resumed.
    lost = [(hub.generation, whole)]
    for _ in range(2):
        expect(hub.next(), (lost, [origin]))
        hub.cut()
        lost.append((hub.generation, 0))
    expect(hub.next(), (lost, [origin]))
    hub.resumed()
    hub.plugin.lives()

def no_longer_wanted(hub):
    cancelled, _ = hub.start("sleep", LONG)
    hub.plugin.cancel(cancelled)
    expect(hub.plugin.failed(cancelled)[0], CANCELLED)
    # Answered, and cancelled while the answer was under way.
    crossed, _ = hub.start("echo", b"1")
    expect(hub.plugin.reply(crossed), b"1")
    hub.plugin.cancel(crossed)
    late, _ = hub.start("sleep", LONG, timeout_ms=20)
    expect(hub.plugin.failed(late)[0] in (EXPIRED, CANCELLED), True)
    hub.confirm(late)
    hub.plugin.lives()
    newest = hub.plugin.last_call
    hub.cut()
    expect(hub.next(), ([(hub.generation - 1, newest)], []))
    # It says of one that it doesn't keep that it is cancelled.
    gone = hub.go_on((1, 1))
    expect(hub.plugin.failed(gone)[0], CANCELLED)
    hub.resumed()

def cancelled_after_it_went_on(hub):
    _, origin = hub.start("sleep", LONG)
    hub.expect_running(1)
    hub.cut()
    hub.next()
    again = hub.go_on(origin)
    hub.resumed()
    hub.expect_running(1)
    hub.plugin.cancel(again)
    expect(hub.plugin.failed(again)[0], CANCELLED)
    _, origin = hub.start("sleep", LONG)
    hub.expect_running(1)
    hub.cut()
    hub.next()
    # Its deadline is what the hub says now.
    again = hub.go_on(origin, timeout_ms=20)
    hub.resumed()
    expect(hub.plugin.failed(again)[0], CANCELLED)
    hub.confirm(again)

def ended_on_purpose(hub):
    for code, is_kept in (TOO_SLOW, True), (SHUTTING_DOWN, False):
        _, origin = hub.start("sleep", LONG)
        hub.expect_running(1)
        newest = hub.plugin.last_call
        hub.end(code)
        expect(hub.next(), ([(hub.generation - 1, newest)], [origin]) if is_kept else ([], []))
        hub.resumed()
        hub.expect_running(0)
    hub.start("sleep", LONG)
    hub.expect_running(1)
    hub.plugin.drain(why=2)
    hub.cut()
    expect(hub.next(), ([], []))
    hub.resumed()
    hub.expect_running(0)

def another_hub(hub):
    hub.start("sleep", LONG)
    hub.expect_running(1)
    hub.cut()
    hub.epoch = bytes(reversed(hub.epoch))
    expect(hub.next(), ([], []))
    hub.resumed()
    hub.expect_running(0)

def places_until_confirmed(hub):
    calls = [hub.start("echo", b"1")[0] for _ in range(8)]
    for call in calls:
        expect(hub.plugin.reply(call), b"1")
    for call in calls:
        hub.confirm(call)
        hub.plugin.lives()  # in its place
        hub.start("echo", b"1")
        hub.plugin.reply(hub.plugin.last_call)
    hub.plugin.call("echo", b"1")
    hub.plugin.goodbye(PROTOCOL)
    hub.cut()
    hub.next()
    hub.resumed()

BREACHES = {
    "a Confirm of the id 0": frame(CONFIRM, b"\0"),
    "a Confirm above all calls": frame(CONFIRM, b"\1"),
    "a Continue with the id 0": frame(CONTINUE, b"\0\1\1\0"),
    "the same id twice": frame(CONTINUE, b"\1\1\1\0") * 2,
    "a resumable call of a method that was not described": frame(RESUMABLE, b"\1\1\x63\0\0\0"),
    "bytes behind a Resumed": frame(RESUMED, b"\0"),
    "a kind of the plugin": frame(RESUME, b"\0\0\0"),
    "a second Resumed": frame(RESUMED) * 2,
    "a call before Resumed": frame(CALL, b"\1\0\0\0\0"),
    "a resumable call before Resumed": frame(RESUMABLE, b"\1\1\0\0\0\0"),
    "a Continue after Resumed": frame(RESUMED) + frame(CONTINUE, b"\1\1\1\0"),
}

def breaches(hub):
    for what, sent in BREACHES.items():
        hub.plugin.stream.write(sent)
        kind, fields = hub.plugin.stream.frame()
        while kind == FAILED:  # a call that is not kept
            kind, fields = hub.plugin.stream.frame()
        if (kind, fields.left[:1]) != (GOODBYE, varint(PROTOCOL)):
            raise Breach(f"{what}: kind {kind:#x}, {fields.left}")
        hub.cut()
        hub.next()
    hub.resumed()

STEPS = [
    over_a_cut, an_answer_is_held, what_has_not_arrived, no_longer_wanted, cancelled_after_it_went_on,
    ended_on_purpose, another_hub, places_until_confirmed, breaches,
]

def main():
    hub = Hub()
    print("port", hub.listener.getsockname()[1], flush=True)
    for step in STEPS:
        try:
            step(hub)
        except (Breach, End) as error:
            sys.exit(f"{step.__name__}, connection {hub.generation}: {error!r}")
    hub.end(UNPLUGGED)
    print("tried", hub.generation)

if __name__ == "__main__":
    try:
        main()
    finally:
        report()
