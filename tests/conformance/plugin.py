#!/usr/bin/env python3
"""A plugin in plain Python, written from docs/protocol.md alone.

plugin.py HOST PORT [NAME] is a plugin with the methods `echo`, which gives its input and the
metadata of the call back; `fail`, which returns the error {"code", "message", "data"} that it is
given; `sleep`, which takes milliseconds and gives them back when they are over; and `announce`,
which sends its input as an event. Once welcomed, it sends the event {"hello": NAME}. SIGTERM makes
it leave.

plugin.py HOST PORT --borders tries the borders of the page on a hub, one connection after the
other, and checks what the hub makes of them.

It exits with 0 after an orderly end, else with 1. Its last lines say which kinds of frames it sent
and received.
"""
import hashlib, json, os, select, signal, socket, sys, time
from wire import *

MAX_CALLS, INTERVAL_MS = 64, 1_000

def described(name, about, takes, gives):
    option = lambda text: b"\0" if text is None else b"\1" + string(text)
    return string(name) + string(about) + option(takes) + option(gives)

DESCRIPTION = listed([
    described("echo", "Gives its input back.", "true", "true"),
    described("fail", "", '{"type":"object"}', None),
    described("sleep", "", '{"type":"integer"}', "true"),
    described("announce", "", "true", None),
])

def hello(name, versions=(1, 1), features=0, max_frame=MAX_FRAME, max_calls=MAX_CALLS, version="1.0", extensions=(),
          description=DESCRIPTION):
    limits = varint(max_frame) + varint(max_calls)
    digest = hashlib.sha256(description).digest()
    extensions = listed([varint(number) + string(data) for number, data in extensions])
    return bytes(versions) + varint(features) + limits + string(name) + string(version) + os.urandom(16) + digest + extensions

class Refused(Exception):
    """The hub refused the plugin; with its code."""

class Plugin:
    def __init__(self, host, port, name):
        self.methods = [self.echo, self.fail, self.sleep, self.announce]
        self.newest, self.last, self.draining, self.exit = 0, None, False, None
        self.running = {}  # by id: when the call's time is over, when it has slept enough, its input
        self.events = []
        self.stream = Stream(socket.create_connection((host, port)))
        self.stream.write(PREFACE)
        self.stream.send(HELLO, hello(name, features=HEARTBEATS, extensions=[(HEARTBEAT, varint(INTERVAL_MS))]))

    def expect(self, expected):
        kind, fields = self.stream.frame(HANDSHAKE_FRAME)
        if kind == REFUSED:
            refused = fields.u16(), fields.string(), fields.option(fields.u64), fields.u8(), fields.u8()
            fields.end()
            raise Refused(*refused)
        if kind != expected:
            raise Breach(f"an unexpected kind {kind:#x}")
        return fields
    def handshake(self):
        self.stream.preface()
        accepted = self.expect(ACCEPTED)
        describe = accepted.boolean()
        accepted.end()
        if describe:
            self.stream.send(DESCRIBE, DESCRIPTION)
        fields = self.expect(WELCOME)
        version, hub, own = fields.u8(), fields.raw(2), fields.raw(2)
        if own != b"\1\1" or version != min(1, hub[1]) or version < max(1, hub[0]):
            raise Breach("versions that somebody has changed")
        features, _epoch = fields.u64(), fields.raw(16)
        if features & ~HEARTBEATS:
            raise Breach("features that were not offered")
        self.name, self.generation = fields.string(), fields.u64()
        if (max_frame := fields.u32()) < 16_384:
            raise Breach("a max_frame that is too small")
        self.hub_max_frame = min(max_frame, 67_108_864)
        self.max_calls = min(MAX_CALLS, max(1, fields.u32()))
        self.credit = [fields.u32(), fields.u64()]
        extensions = dict(fields.extensions())
        fields.end()
        self.interval, self.pings = None, 0
        if features & HEARTBEATS:
            agreed = Fields(extensions.get(HEARTBEAT, varint(5_000)))
            self.interval = agreed.u32() / 1000
            agreed.end()
        self.events.append(json.dumps({"hello": self.name}).encode())

    # Answers.
    def reply(self, call, output):
        if 1 + len(varint(call) + output) > self.hub_max_frame:
            return self.failed(call, INVALID_OUTPUT, message="too large for a frame")
        self.stream.send(REPLY, varint(call) + output)
    def failed(self, call, status, code="", message="", data=b""):
        code, message = (text.encode()[:most].decode(errors="ignore") for text, most in ((code, 128), (message, 4096)))
        header = varint(call) + bytes([status]) + string(code) + string(message)
        self.stream.send(FAILED, header + (data if 1 + len(header + data) <= self.hub_max_frame else b""))
    def goodbye(self, code, message=""):
        self.stream.send(GOODBYE, varint(code) + string(message[:64]))
        self.exit = int(code != DONE)

    # The methods. Each answers, or leaves its call among those that run.
    def echo(self, call, payload, metadata, _):
        decoded(payload)
        if metadata:
            self.stream.send(METADATA, pairs(metadata))
        self.reply(call, payload)
    def fail(self, call, payload, *_):
        error = dict(decoded(payload))
        data = json.dumps(error["data"]).encode() if "data" in error else b""
        self.failed(call, METHOD, str(error.get("code", "error")), str(error.get("message", "")), data)
    def sleep(self, call, payload, _, over):
        if type(decoded(payload)) is not int:
            raise ValueError("expected a number of milliseconds")
        self.running[call] = (over, time.monotonic() + decoded(payload) / 1000, payload)
    def announce(self, call, payload, *_):
        decoded(payload)
        self.events.append(payload)
        self.send_events()
        self.reply(call, b"")

    # What the hub sends.
    def take(self, kind, fields):
        if kind == CALL:
            call, method, timeout, trace = fields.u64(), fields.u32(), fields.u64(), fields.string()
            metadata, payload, fields.left = fields.pairs(), fields.left, b""
            if len(trace.encode()) > 256:
                raise Breach("a trace that is too long")
            self.call(call, method, timeout, metadata, payload)
        elif kind == CANCEL:
            if not 1 <= (call := fields.u64()) <= self.newest:
                raise Breach("a cancel of a call that never arrived")
            if self.running.pop(call, None):
                self.failed(call, CANCELLED)
        elif kind == CREDIT:
            self.credit = [self.credit[0] + fields.u32(), self.credit[1] + fields.u64()]
            if self.credit[0] >> 32 or self.credit[1] >> 64:
                raise Breach("more credit than can be counted")
        elif kind == DRAIN and not self.draining:
            why, _grace, trace, self.draining = fields.u8(), fields.u64(), fields.string(), True
            if why not in (1, 2) or len(trace.encode()) > 256:
                raise Breach("a field that is not allowed")
        elif kind == RETURN:
            print("return", fields.u64(), flush=True)
        elif kind in (PING, PONG) and self.interval:
            number, _received, _stuck = fields.u64(), fields.u64(), fields.u64()
            if kind == PING:
                self.stream.beat(PONG, number)
        elif kind == GOODBYE:
            code, message = fields.u16(), fields.string()
            self.exit = int(code in (4, 5))
            print("goodbye", code, message, flush=True)
        elif not 0x80 <= kind <= 0xBF:
            raise Breach(f"an unexpected kind {kind:#x}")
        else:
            return  # a strike, which this plugin doesn't count
        fields.end()
    def call(self, call, method, timeout, metadata, payload):
        if call <= self.newest or method >= len(self.methods) or self.draining:
            raise Breach("a call that must not be")
        self.newest = call
        if self.last is not None:
            return  # ignored
        if len(self.running) >= self.max_calls:
            raise Breach("a call too many")
        over = time.monotonic() + (timeout / 1000 or float("inf"))
        try:
            self.methods[method](call, payload, metadata, over)
        except (TypeError, ValueError) as error:
            self.failed(call, INVALID_INPUT, ".", str(error))

    # What happens by itself.
    def send_events(self):
        while self.events and self.credit[0] > 0 and self.credit[1] >= len(self.events[0]):
            self.credit = [self.credit[0] - 1, self.credit[1] - len(self.events[0])]
            self.stream.send(EVENT, self.events.pop(0))
    def tick(self, now):
        for call, (over, awake, payload) in list(self.running.items()):
            if min(over, awake) <= now:
                del self.running[call]
                self.reply(call, payload) if awake <= over else self.failed(call, CANCELLED)
        self.send_events()
        if self.interval:
            self.heartbeat(now)
        if not self.running and (self.draining or self.last is not None):
            self.goodbye(DONE)
    def heartbeat(self, now):
        if now - self.stream.heard > 3 * self.interval:
            self.goodbye(SILENT)
        elif self.pings == 0 or now - self.stream.sent > self.interval * 19 / 20:
            # The first at once, to find out how far the hub is.
            self.pings += 1
            self.stream.beat(PING, self.pings)
    def leave(self):
        if not self.draining and self.last is None:
            self.last = self.newest
            self.stream.send(LEAVE, varint(self.last))
    def session(self):
        wants_to_leave = []
        signal.signal(signal.SIGTERM, lambda *_: wants_to_leave.append(True))
        while self.exit is None:
            try:
                if select.select([self.stream.socket], [], [], 0.01)[0]:
                    self.take(*self.stream.frame())
                if wants_to_leave:
                    self.leave()
                if self.exit is None:
                    self.tick(time.monotonic())
            except Breach as breach:
                print("breach:", breach, file=sys.stderr)
                self.goodbye(PROTOCOL, str(breach))
        self.stream.finish()
        return self.exit

# The borders: what is sent after the preface, and what the hub does then. `EARLY` is tried in place
# of a Hello, `DESCRIBING` when the hub waits for Describe, `SESSION` after Welcome.
LIVES, BREACH, GONE = "goes on", "goodbye 4", "closes in silence"

STRANGERS = {
    "a zero": b"\0",
    "two capitals that begin no method of HTTP": b"AB",
    "a preface with another sixth byte": b"\xb2brpc\r",
}
def said(**fields):
    return frame(HELLO, hello("border", **fields))

EARLY = {
    "an empty frame": (frame(HELLO, length=0), 10),
    "a length above the limit": (frame(HELLO, length=4097), 10),
    "a kind of a session": (frame(EVENT, length=4000), 10),
    "an unknown kind": (frame(0x06), 10),
    "a number in more bytes than it needs": (frame(HELLO, b"\1\1\x80\0" + hello("border")[3:]), 10),
    "a max_frame that is too small": (said(max_frame=16_383), 10),
    "no version in common": (said(versions=(2, 3)), 1),
    "a lowest version above the highest": (said(versions=(2, 1)), 1),
    "a bad name": (frame(HELLO, hello(".border")), 2),
    "a bad version": (said(version="1" * 65), 3),
    "too many extensions": (said(extensions=[(9, b"")] * 65), 10),
    "labels out of order": (said(extensions=[(1, pairs([("b", ""), ("a", "")]))]), 11),
    "a label twice": (said(extensions=[(1, pairs([("a", ""), ("a", "")]))]), 11),
    "a Heartbeat that is no number": (said(extensions=[(HEARTBEAT, b"")]), 10),
    "a Heartbeat twice": (said(extensions=[(HEARTBEAT, b"\5")] * 2), 10),
    "labels twice": (said(extensions=[(1, pairs([("a", "")]))] * 2), 11),
}
WELCOMED = {
    "the smallest max_frame": {"max_frame": 16_384},
    "the largest number for max_frame": {"max_frame": 2**32 - 1},
    "no calls at all": {"max_calls": 0},
    "a higher version that the hub doesn't speak": {"versions": (0, 255)},
    "unknown extensions, in any order and again": {"extensions": [(9, b"x"), (1, pairs([("a", "")])), (7, b""), (9, b"")]},
}
DESCRIBING = {
    "another description": (frame(DESCRIBE, b"\0"), 10),
    "a length above the limit of Describe": (frame(DESCRIBE, length=1_048_578), 10),
    "another kind, as long as a Describe": (frame(HELLO, length=4097), 10),
    "a frame that may be skipped later": (frame(0x80), 10),
    "Goodbye": (frame(GOODBYE, b"\1\0"), 10),
}
event = frame(EVENT, b"1")
SESSION = {
    "an empty frame": (frame(EVENT, length=0), BREACH),
    "a length above the limit": (frame(REPLY, length=MAX_FRAME + 1), BREACH),
    "a kind of the handshake": (frame(HELLO, length=100), BREACH),
    "a kind of the hub": (frame(CALL, length=100), BREACH),
    "a Ping without heartbeats": (frame(PING, b"\1\0\0"), BREACH),
    "an unknown kind": (frame(0x7F), BREACH),
    "16 frames to be skipped": (frame(0xBF, b"x") * 16, LIVES),
    "17 frames to be skipped": (frame(0x80) * 17, BREACH),
    "a header that ends early": (frame(FAILED, b"\1"), BREACH),
    "a text that is not UTF-8": (frame(METADATA, b"\1\1\xff\0"), BREACH),
    "a number in more bytes than it needs": (frame(LEAVE, b"\x80\0"), BREACH),
    "bytes behind the header": (frame(LEAVE, b"\0\0"), BREACH),
    "an answer with the id 0": (frame(REPLY, b"\0"), BREACH),
    "an answer to a call that was never sent": (frame(REPLY, b"\x63"), BREACH),
    "events without credit": (event * 5, BREACH),
    "a second Leave": (frame(LEAVE, b"\0") * 2, BREACH),
    "65 pairs": (frame(METADATA, pairs([("", "")] * 65)), BREACH),
    "8,193 bytes of metadata": (frame(METADATA, pairs([("", "x" * 8193)])), BREACH),
    "an event behind metadata": (frame(METADATA, b"\0") + event, BREACH),
    "an event that is no JSON": (frame(EVENT, b"\xff{"), LIVES),
    "Goodbye with a code of a later version": (frame(GOODBYE, b"\x63\0"), GONE),
}

def refused_with(stream):
    fields = stream.expect(REFUSED, HANDSHAKE_FRAME)
    code, message = fields.u16(), fields.string()
    fields.option(fields.u64), fields.raw(2), fields.end()
    if len(message.encode()) > 256:
        raise Breach("a message that is too long")
    stream.expect_end()
    return code

def borders(host, port):
    """Tries each; returns how many."""
    port, count = int(port), 0
    def dial(*parts):
        stream = Stream(socket.create_connection((host, port)))
        stream.write(b"".join(parts))
        return stream
    def welcome(stream):
        stream.preface()
        if stream.expect(ACCEPTED, HANDSHAKE_FRAME).boolean():
            stream.send(DESCRIBE, DESCRIPTION)
        fields = stream.expect(WELCOME, HANDSHAKE_FRAME)
        fields.raw(5), fields.u64(), fields.raw(16), fields.string(), fields.u64(), fields.u32()
        return fields.u32()  # max_calls
    def check(what, found, wanted):
        nonlocal count
        count += 1
        if found != wanted:
            raise Breach(f"{what}: found {found}, expected {wanted}")
    for what, sent in STRANGERS.items():
        try:
            found = dial(sent).read(1)
        except End:
            found = GONE
        check(what, found, GONE)
    for what, (sent, code) in EARLY.items():
        stream = dial(PREFACE, sent)
        stream.preface()
        check(what, refused_with(stream), code)
    # A name of its own for each, since the hub notices a little later that the one before is gone.
    for n, (what, fields) in enumerate(WELCOMED.items()):
        stream = dial(PREFACE, frame(HELLO, hello(f"welcomed-{n}", **fields)))
        check(what, welcome(stream), max(1, fields.get("max_calls", MAX_CALLS)))
        stream.socket.close()
    unknown = listed([described("border", "", None, None)])
    for what, (sent, code) in DESCRIBING.items():
        stream = dial(PREFACE, frame(HELLO, hello("border", description=unknown)))
        stream.preface()
        check(what, stream.expect(ACCEPTED, HANDSHAKE_FRAME).boolean(), True)
        stream.write(sent)
        check(what, refused_with(stream), code)
    # What comes too early counts as sent after the answer.
    early = listed([described("early", "", None, None)])
    stream = dial(PREFACE, frame(HELLO, hello("early", description=early)), frame(DESCRIBE, early), event)
    stream.preface(), stream.expect(ACCEPTED), stream.expect(WELCOME)
    stream.socket.close()
    for n, (what, (sent, wanted)) in enumerate(SESSION.items()):
        stream = dial(PREFACE, frame(HELLO, hello(f"session-{n}")))
        welcome(stream)
        stream.write(sent)
        if wanted == LIVES:
            stream.write(frame(GOODBYE, b"\1\0"))  # which is read only if nothing was wrong
        try:
            found = f"goodbye {stream.expect(GOODBYE).u16()}"
        except End:
            found = GONE
        check(what, found, GONE if wanted == LIVES else wanted)
        stream.socket.close()
    return count

def main(host, port, name="python"):
    if name == "--borders":
        print("tried", borders(host, port))
        return 0
    plugin = Plugin(host, port, name)
    try:
        plugin.handshake()
    except Refused as refused:
        print("refused", *refused.args)
        return 1
    return plugin.session()

if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except End:
        sys.exit("the hub is gone")
    finally:
        report()
