#!/usr/bin/env python3
"""A hub in plain Python, written from docs/protocol.md alone.

hub.py prints its port and waits for a plugin with the methods `echo`, which gives its input and the
metadata of the call back; `fail`, which returns the error {"code", "message", "data"} that it is
given; `sleep`, which takes milliseconds and gives them back when they are over; `announce`, which
sends its input as an event; and `leave`, which makes the plugin leave. It shows the token `a token`,
and knows the secret `0123456789abcdef` of the id `edge-7`. The plugin must dial again
after each connection, as often as the hub takes it. On each connection the hub does one thing,
and checks what the plugin makes of it.

It exits with 0 if all was right, else with 1. Its last lines say which kinds of frames it sent and
received.
"""
import hashlib, json, os, socket, sys
from wire import *

MAX_CALLS, CREDIT_EVENTS, CREDIT_BYTES = 8, 2, 2 * MAX_FRAME

def expect(found, wanted):
    if found != wanted:
        raise Breach(f"found {found}, expected {wanted}")

class Plugin:
    """A connection, from Hello on."""
    def __init__(self, listener):
        self.stream = Stream(listener.accept()[0])
        self.stream.preface()
        fields = self.stream.expect(HELLO, HANDSHAKE_FRAME)
        self.hello, self.has_spoken = fields.left, False
        self.versions, self.features = fields.raw(2), fields.u64()
        fields.u32()  # max_frame
        self.max_calls, self.name, self.version = fields.u32(), fields.string(), fields.string()
        self.instance = fields.raw(16)
        self.digest = fields.raw(32)
        self.extensions = dict(fields.extensions())
        fields.end()
        self.last_call = 0

    # The handshake.
    def speak(self):
        if not self.has_spoken:
            self.stream.write(PREFACE)
        self.has_spoken = True
    def challenge(self, nonce):
        self.speak()
        self.stream.send(CHALLENGE, nonce)
    def proof(self):
        fields = self.stream.expect(PROOF)
        mac = fields.raw(32)
        fields.end()
        return mac
    def describe(self):
        self.speak()
        self.stream.send(ACCEPTED, b"\1")
        kind, fields = self.stream.frame(DESCRIBE_FRAME)
        expect(kind, DESCRIBE)
        expect(hashlib.sha256(fields.left).digest(), self.digest)
        def method():
            name, _ = fields.string(), fields.string()
            for schema in fields.option(fields.string), fields.option(fields.string):
                if schema is not None and type(decoded(schema.encode())) not in (dict, bool):
                    raise Breach("a schema that is neither an object nor a boolean")
            return name
        self.methods = fields.list(method, 1024)
        fields.end()
    def accept(self):
        self.speak()
        self.stream.send(ACCEPTED, b"\0")
    def welcome(self, version=1, hub=(1, 1), plugin=None, max_frame=MAX_FRAME, max_calls=MAX_CALLS,
                credit=(CREDIT_EVENTS, CREDIT_BYTES), name=None, features=0, extensions=(), epoch=bytes(16), generation=1):
        versions = bytes([version, *hub]) + (plugin or self.versions)
        places = varint(max_frame) + varint(max_calls) + varint(credit[0]) + varint(credit[1])
        extensions = listed([varint(number) + string(data) for number, data in extensions])
        who = epoch + string(name or self.name) + varint(generation)
        self.stream.send(WELCOME, versions + varint(features) + who + places + extensions)
    def refuse(self, code, message, retry_after_ms=None):
        self.speak()
        retry = b"\0" if retry_after_ms is None else b"\1" + varint(retry_after_ms)
        self.stream.send(REFUSED, varint(code) + string(message) + retry + b"\1\1")

    # Calls.
    def call(self, method, payload=b"", timeout_ms=0, trace="", metadata=(), call=None, number=None, window_ms=None):
        self.last_call = call or self.last_call + 1
        number = METHODS[method] if number is None else number
        head = varint(self.last_call) + varint(number) + varint(timeout_ms) + string(trace) + pairs(metadata)
        if window_ms is None:
            self.stream.send(CALL, head + payload)
        else:
            self.stream.send(RESUMABLE, varint(window_ms) + head + payload)
        return self.last_call
    def reply(self, call):
        fields = self.stream.expect(REPLY)
        expect(fields.u64(), call)
        return fields.left
    def failed(self, call):
        """The status, code, message and data."""
        fields = self.stream.expect(FAILED)
        expect(fields.u64(), call)
        return fields.u8(), fields.string(), fields.string(), fields.left
    def beat(self, kind):
        """The number of a Ping or Pong."""
        fields = self.stream.expect(kind)
        number, received, _stuck = fields.u64(), fields.u64(), fields.u64()
        fields.end()
        expect(0 < received < 10_000, True)
        return number
    def cancel(self, call):
        self.stream.send(CANCEL, varint(call))
    def drain(self, why=1, grace_ms=ALL, trace=b""):
        self.stream.send(DRAIN, bytes([why]) + varint(grace_ms) + string(trace))

    # Checks.
    def lives(self):
        expect(self.reply(self.call("echo", b"[1]")), b"[1]")
    def goodbye(self, code):
        fields = self.stream.expect(GOODBYE)
        found, message = fields.u16(), fields.string()
        silent = fields.u64() if found == SILENT else 3000
        fields.end()
        expect(3000 <= silent < 4000, True)
        if found != code:
            raise Breach(f"goodbye {found} where {code} was expected: {message}")
        self.stream.expect_end()

NONCES = set()  # of the plugin, of all connections

def who_it_is(plugin):
    """Checks what the plugin shows."""
    expect(plugin.extensions[TOKEN], b"a token")
    key = Fields(plugin.extensions[KEY])
    expect(key.string(), "edge-7")
    plugin.nonce = key.raw(32)
    key.end()
    expect(plugin.nonce in NONCES, False)
    NONCES.add(plugin.nonce)

def proves(plugin, nonce=bytes(range(32))):
    who_it_is(plugin)
    plugin.challenge(nonce)
    expect(plugin.proof(), proof(b"0123456789abcdef", nonce, plugin.nonce, plugin.hello))

def challenged(plugin):
    proves(plugin)
    plugin.accept(), plugin.welcome(), plugin.lives()

def challenged_and_asked_to_describe(plugin):
    proves(plugin, bytes(32))
    plugin.describe(), plugin.welcome(), plugin.lives()

def challenged_and_refused(plugin):
    proves(plugin)
    plugin.refuse(15, "not let in")
    plugin.stream.expect_end()

def challenged_twice(plugin):
    proves(plugin)
    plugin.challenge(bytes(32))
    plugin.stream.expect_end()

def challenged_too_late(plugin):
    plugin.accept()
    plugin.challenge(bytes(32))
    plugin.stream.expect_end()

def revoked(plugin):
    plugin.accept(), plugin.welcome(), plugin.lives()
    plugin.stream.send(GOODBYE, varint(REVOKED) + string("no more"))
    plugin.stream.expect_end()

AUTHENTICATING = [challenged, challenged_and_asked_to_describe, challenged_and_refused, challenged_twice,
                  challenged_too_late, revoked]

METHODS = {}  # numbers by name, from the first description

# What a hub does on a connection, one function each.
def handshake_and_calls(plugin):
    plugin.describe()
    METHODS.update((name, number) for number, name in enumerate(plugin.methods))
    plugin.welcome(extensions=[(7, b"x"), (3, b""), (7, b"")])
    plugin.lives()
    metadata = [("", ""), ("a", "1"), ("a", "2")] + [("", "")] * 61
    call = plugin.call("echo", b'"x"', 60_000, "t" * 256, metadata)
    fields = plugin.stream.expect(METADATA)
    expect(fields.pairs(), metadata), fields.end()
    expect(plugin.reply(call), b'"x"')
    error = {"code": "busy", "message": "later", "data": [1]}
    status, *told, data = plugin.failed(plugin.call("fail", json.dumps(error).encode()))
    expect((status, *told, decoded(data)), (METHOD, "busy", "later", [1]))

def several_at_once(plugin):
    calls = [plugin.call("sleep", b"600000") for _ in range(MAX_CALLS)]
    for call in reversed(calls):
        plugin.cancel(call)
        expect(plugin.failed(call)[0], CANCELLED)
        plugin.cancel(call)  # has been answered, so it is ignored
    plugin.lives()

def a_deadline(plugin):
    status = plugin.failed(plugin.call("sleep", b"600000", timeout_ms=20))[0]
    expect(status in (EXPIRED, CANCELLED), True)  # the first if it had no time to start
    plugin.lives()

def skipped_ids(plugin):
    plugin.call("echo", call=7), plugin.reply(7)
    plugin.cancel(3)
    plugin.call("echo", call=ALL), plugin.reply(ALL)

def wrong_payloads(plugin):
    for wrong in b"{", b"\xff", b'"\\ud800"', b"1e999", b"NaN", b"[" * 65 + b"]" * 65, b"[" + b"0," * 100_000 + b"0]":
        expect(plugin.failed(plugin.call("echo", wrong))[0], INVALID_INPUT)
    plugin.lives()

def events_and_credit(plugin):
    for n in range(3):
        call = plugin.call("announce", b"%d" % n)
        if n == CREDIT_EVENTS:
            plugin.stream.send(CREDIT, varint(1) + varint(1))
        expect(plugin.stream.expect(EVENT).left, b"%d" % n)
        plugin.reply(call)

def leaving(plugin):
    sleeping = plugin.call("sleep", b"600000")
    left = plugin.call("leave")
    kinds = {}
    for _ in range(2):  # the answer and Leave, in any order
        kind, fields = plugin.stream.frame()
        kinds[kind] = fields.u64()
    expect(kinds, {REPLY: left, LEAVE: left})
    ignored = [plugin.call("echo") for _ in range(MAX_CALLS)]
    plugin.cancel(ignored[0])
    plugin.drain()
    plugin.cancel(sleeping)
    expect(plugin.failed(sleeping)[0], CANCELLED)
    plugin.goodbye(DONE)

def draining(plugin):
    sleeping = plugin.call("sleep", b"600000")
    plugin.drain(2, 60_000, b"t" * 256)
    plugin.cancel(sleeping)
    expect(plugin.failed(sleeping)[0], CANCELLED)
    plugin.goodbye(DONE)

def unplugging(plugin):
    plugin.stream.send(RETURN, varint(5))
    plugin.drain()
    plugin.goodbye(DONE)

def saying_goodbye(plugin):
    plugin.call("sleep", b"600000")
    plugin.stream.send(GOODBYE, varint(UNPLUGGED) + string("enough"))
    plugin.stream.expect_end()

def one_call_at_a_time(plugin):  # welcomed with 0
    plugin.lives()
    plugin.call("sleep", b"600000"), plugin.call("echo")
    plugin.goodbye(PROTOCOL)

def more_calls_than_it_takes(plugin):  # welcomed with 2^32 - 1
    for _ in range(plugin.max_calls + 1):
        plugin.call("sleep", b"600000")
    plugin.goodbye(PROTOCOL)

def heartbeats(plugin):  # welcomed with them, and an interval of a second
    expect(plugin.features & HEARTBEATS, HEARTBEATS)
    plugin.stream.beat(PING, 1)
    expect(plugin.beat(PONG), 1)
    for number in 1, 2:
        expect(plugin.beat(PING), number)
        plugin.stream.beat(PONG, number)
    plugin.lives()

def silence(plugin):  # the same
    for number in range(1, 4):
        expect(plugin.beat(PING), number)
    plugin.goodbye(SILENT)

def no_credit(plugin):  # welcomed with none
    call = plugin.call("announce", b"1")
    plugin.lives()
    plugin.stream.send(CREDIT, varint(1) + varint(1))
    expect(plugin.stream.expect(EVENT).left, b"1")
    plugin.reply(call)

BEATING = {"features": HEARTBEATS, "extensions": [(HEARTBEAT, varint(1_000))]}

# On a connection after Welcome: the function, and the fields of Welcome.
SESSIONS = [
    (several_at_once, {}),
    (a_deadline, {}),
    (skipped_ids, {}),
    (wrong_payloads, {}),
    (events_and_credit, {}),
    (leaving, {}),
    (draining, {}),
    (unplugging, {}),
    (saying_goodbye, {}),
    (one_call_at_a_time, {"max_calls": 0}),
    (more_calls_than_it_takes, {"max_calls": 2**32 - 1}),
    (no_credit, {"credit": (0, 0)}),
    (heartbeats, BEATING),
    (silence, BEATING),
]

# What a plugin must find in place of Accepted, after it, and after Welcome.
EARLY = {
    "other bytes than the preface": b"HTTP/1.1 400 Bad Request\r\n",
    "a wrong sixth byte": b"\xb2brpc\r",
    "an empty frame": PREFACE + frame(ACCEPTED, length=0),
    "a length above the limit": PREFACE + frame(ACCEPTED, length=4097),
    "a bool of 2": PREFACE + frame(ACCEPTED, b"\2"),
    "an unknown kind": PREFACE + frame(0x08),
    "a Challenge that is too short": PREFACE + frame(CHALLENGE, bytes(31)),
    "a Proof": PREFACE + frame(PROOF, bytes(32)),
    "a Call": PREFACE + frame(CALL, length=4096),
    "a Goodbye": PREFACE + frame(GOODBYE, b"\1\0"),
}
WELCOMES = {
    "a higher version than both speak": {"version": 2, "hub": (1, 2)},
    "version 0": {"version": 0, "hub": (0, 0)},
    "a version that the hub doesn't speak": {"hub": (2, 2)},
    "versions that the plugin did not send": {"plugin": b"\1\2"},
    "a max_frame that is too small": {"max_frame": 16_383},
    "a name that breaks its rule": {"name": "a b"},
    "too many extensions": {"extensions": [(9, b"")] * 65},
}
def call(number, method=0, trace=b"", metadata=()):
    return frame(CALL, varint(number) + varint(method) + b"\0" + string(trace) + pairs(metadata))

BREACHES = {
    "an empty frame": frame(CALL, length=0),
    "a length above the limit": frame(CALL, length=MAX_FRAME + 1),
    "a kind of the handshake": frame(WELCOME, length=100),
    "a kind of the plugin": frame(REPLY, length=100),
    "an unknown kind": frame(0x0F),
    "a Ping without heartbeats": frame(PING, b"\1\0\0"),
    "a resumable call without the feature": frame(RESUMABLE, b"\1" + call(1)[5:]),
    "a Continue without the feature": frame(CONTINUE, b"\1\1\1\0"),
    "a Confirm without the feature": frame(CONFIRM, b"\1"),
    "a Resumed without the feature": frame(RESUMED),
    "17 frames to be skipped": frame(0xBF) * 17,
    "a header that ends early": frame(DRAIN, b"\1"),
    "a number beyond its type": frame(CANCEL, b"\xff" * 9 + b"\2"),
    "a number in more bytes than it needs": frame(CANCEL, b"\x85\0"),
    "bytes behind the header": frame(CREDIT, b"\1\1\1"),
    "a Call with the id 0": call(0),
    "the same id twice": call(1) * 2,
    "a method that was not described": call(1, method=99),
    "a trace of 257 bytes": call(1, trace=b"t" * 257),
    "65 pairs": call(1, metadata=[("", "")] * 65),
    "8,193 bytes of metadata": call(1, metadata=[("k", "x" * 8192)]),
    "a Drain with a long trace": frame(DRAIN, b"\1\0" + string("t" * 257)),
    "a why that nobody knows": frame(DRAIN, b"\3\0\0"),
    "a Cancel with the id 0": frame(CANCEL, b"\0"),
    "a Cancel above all calls": frame(CANCEL, b"\1"),
    "too much credit": frame(CREDIT, varint(2**32 - 1) + b"\0"),
    "too many bytes of credit": frame(CREDIT, b"\0" + varint(ALL)),
}

def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print("port", listener.getsockname()[1], flush=True)
    count = 0
    def attempt(what, act):
        nonlocal count
        count += 1
        plugin = Plugin(listener)
        try:
            act(plugin)
        except (Breach, End) as error:
            sys.exit(f"{what}: {error!r}")
        plugin.stream.finish()
    attempt("handshake_and_calls", handshake_and_calls)
    for act, fields in SESSIONS:
        attempt(act.__name__, lambda plugin: (plugin.accept(), plugin.welcome(**fields), act(plugin)))
    for act in AUTHENTICATING:
        attempt(act.__name__, act)
    for what, sent in EARLY.items():
        attempt(what, lambda plugin: (plugin.stream.write(sent), plugin.stream.expect_end()))
    attempt("Welcome in place of Accepted",
            lambda plugin: (plugin.stream.write(PREFACE), plugin.welcome(), plugin.stream.expect_end()))
    for what, fields in WELCOMES.items():
        attempt(what, lambda plugin: (plugin.accept(), plugin.welcome(**fields), plugin.stream.expect_end()))
    attempt("Refused", lambda plugin: (plugin.refuse(7, "x" * 300, 1), plugin.stream.expect_end()))
    for what, sent in BREACHES.items():
        attempt(what, lambda plugin: (plugin.accept(), plugin.welcome(), plugin.stream.write(sent),
                                      plugin.goodbye(PROTOCOL) if call(1) not in sent else breached(plugin)))
    attempt("16 frames to be skipped", lambda plugin: (plugin.accept(), plugin.welcome(),
                                                       plugin.stream.write(frame(0x80, b"x") * 16), plugin.lives()))
    print("tried", count)

def breached(plugin):
    """An answer to the first call may come before the goodbye."""
    kind, fields = plugin.stream.frame()
    if kind == GOODBYE:
        expect(fields.u16(), PROTOCOL)
    else:
        plugin.goodbye(PROTOCOL)

if __name__ == "__main__":
    try:
        main()
    finally:
        report()
