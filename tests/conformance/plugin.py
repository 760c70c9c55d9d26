#!/usr/bin/env python3
"""A plugin in plain Python, written from docs/protocol.md alone: plugin.py HOST PORT [NAME]

Methods: `echo` gives its input back; `fail` returns the error {"code", "message", "data"} that it
is given; `sleep` takes milliseconds and gives them back when they are over. Once let in, it sends
the event {"hello": NAME}. SIGTERM makes it leave. Exits with 0 after an orderly end, else with 1.
"""
import contextlib, hashlib, json, os, re, select, signal, socket, sys, time

PREFACE = bytes.fromhex("b2 62 72 70 63 0a 01 00")
HELLO, ACCEPTED, REFUSED, DESCRIBE, WELCOME, CALL, CANCEL, CREDIT, DRAIN = *range(1, 6), *range(0x10, 0x14)
REPLY, FAILED, EVENT, LEAVE, GOODBYE = 0x18, 0x19, 0x1A, 0x1B, 0x1F
METHOD, INVALID_OUTPUT, INVALID_INPUT, CANCELLED = 1, 3, 5, 9
DONE, PROTOCOL, MAX_FRAME, MAX_CALLS = 1, 4, 1 << 20, 64

class Breach(Exception):
    """The hub broke the protocol."""

def varint(number):
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)

def string(text):
    return varint(len(text.encode())) + text.encode()

def described(name, about, takes, gives):
    option = lambda text: b"\0" if text is None else b"\1" + string(text)
    return string(name) + string(about) + option(takes) + option(gives)

def decoded(payload):
    """The value of a payload, after a check of its bounds."""
    depth, values = 0, 1
    for byte in re.sub(rb'"(?:[^"\\]|\\.)*"', b"", payload, flags=re.S):
        values, depth = values + (byte in b"[{,:"), depth + (byte in b"[{") - (byte in b"]}")
        if depth > 64 or values > 100_000:
            raise ValueError("too deep, or too many values")
    return json.loads((payload or b"null").decode(), parse_constant=int)  # int refuses NaN

class Fields:
    """Reads the fields of a header; what is left is the payload."""
    def __init__(self, body):
        self.left = body
    def raw(self, count):
        taken, self.left = self.left[:count], self.left[count:]
        if len(taken) < count:
            raise Breach("a header that ends early")
        return taken
    def u8(self):
        return self.raw(1)[0]
    def number(self, bits=64):
        number = shift = 0
        while True:
            byte = self.u8()
            number |= (byte & 0x7F) << shift
            if number >> bits or shift >= bits or (byte == 0 and shift):
                raise Breach("a number that is too large or too long")
            if byte < 0x80:
                return number
            shift += 7
    def string(self):
        return self.raw(self.number()).decode()

class Plugin:
    def __init__(self, host, port, name="python"):
        self.methods = [self.echo, self.fail, self.sleep]
        self.description = varint(3) + described("echo", "Gives its input back.", "true", "true") + described(
            "fail", "", '{"type":"object"}', None) + described("sleep", "", '{"type":"integer"}', "true")
        self.newest, self.last, self.draining, self.exit = 0, None, False, None
        self.running = {}  # by id: when the call's time is over, when it has slept enough, its input
        self.socket = socket.create_connection((host, port), timeout=5)
        self.socket.sendall(PREFACE)
        self.send(HELLO, b"\1\1\0" + varint(MAX_FRAME) + varint(MAX_CALLS) + string(name) + string("1.0")
                  + os.urandom(16) + hashlib.sha256(self.description).digest() + b"\0")
    def send(self, kind, body):
        self.socket.sendall((1 + len(body)).to_bytes(4, "big") + bytes([kind]) + body)
    def reply(self, call, output):
        if 1 + len(varint(call) + output) > self.hub_max_frame:
            return self.failed(call, INVALID_OUTPUT, message="too large for a frame")
        self.send(REPLY, varint(call) + output)
    def failed(self, call, status, code="", message="", data=b""):
        header = varint(call) + bytes([status]) + string(code[:32]) + string(message[:1024])
        self.send(FAILED, header + (data if 1 + len(header + data) <= self.hub_max_frame else b""))
    def goodbye(self, code, message=""):
        self.send(GOODBYE, varint(code) + string(message))
        self.exit = int(code != DONE)

    # The methods. Each answers, or leaves its call among those that run.
    def echo(self, call, payload, _):
        decoded(payload)
        self.reply(call, payload)
    def fail(self, call, payload, _):
        error = dict(decoded(payload))
        data = json.dumps(error["data"]).encode() if "data" in error else b""
        self.failed(call, METHOD, str(error.get("code", "error")), str(error.get("message", "")), data)
    def sleep(self, call, payload, over):
        if type(decoded(payload)) is not int:
            raise ValueError("expected a number of milliseconds")
        self.running[call] = (over, time.monotonic() + decoded(payload) / 1000, payload)
    def read(self, count):
        data = b""
        while len(data) < count:
            data += self.socket.recv(count - len(data)) or sys.exit("the hub is gone")
        return data
    def frame(self, limit):
        length = int.from_bytes(self.read(4), "big")
        if not 1 <= length <= limit:
            raise Breach("a length that is not allowed")
        return self.read(1)[0], Fields(self.read(length - 1))
    def expect(self, expected):
        kind, fields = self.frame(4096)
        if kind == REFUSED:
            sys.exit(f"refused {fields.number(16)} {fields.string()}")
        if kind != expected:
            raise Breach(f"an unexpected kind {kind:#x}")
        return fields
    def handshake(self):
        if self.read(8)[:6] != PREFACE[:6]:
            raise Breach("not the preface")
        if self.expect(ACCEPTED).u8():
            self.send(DESCRIBE, self.description)
        fields = self.expect(WELCOME)
        version, hub, own = fields.u8(), fields.raw(2), fields.raw(2)
        if own != b"\1\1" or version != min(1, hub[1]):
            raise Breach("versions that somebody has changed")
        fields.number(), fields.raw(16)  # features, epoch
        self.name, generation = fields.string(), fields.number()
        self.hub_max_frame, self.max_calls = fields.number(32), min(MAX_CALLS, fields.number(32))
        self.credit = [fields.number(32), fields.number()]
        self.events = [json.dumps({"hello": self.name}).encode()]
        print("welcome", self.name, generation, flush=True)

    def take(self, kind, fields):
        if kind == CALL:
            self.call(fields.number(), fields.number(32), fields.number(), fields)
        elif kind == CANCEL:
            if not 1 <= (call := fields.number()) <= self.newest:
                raise Breach("a cancel of a call that never came")
            if self.running.pop(call, None):
                self.failed(call, CANCELLED)
        elif kind == CREDIT:
            self.credit = [self.credit[0] + fields.number(32), self.credit[1] + fields.number()]
        elif kind == DRAIN and not self.draining:
            self.draining = (fields.u8(), fields.number(), fields.string()) is not None
        elif kind == GOODBYE:
            self.exit = int(fields.number(16) in (4, 5))
            print("goodbye", fields.string(), flush=True)
        elif not 0x80 <= kind <= 0xBF:
            raise Breach(f"an unexpected kind {kind:#x}")
        if fields.left and kind in (CANCEL, CREDIT, DRAIN, GOODBYE):
            raise Breach("bytes behind the header")
    def call(self, call, method, timeout, fields):
        fields.string(), [(fields.string(), fields.string()) for _ in range(fields.number())]
        if call <= self.newest or method >= len(self.methods) or self.draining:
            raise Breach("a call that must not be")
        self.newest = call
        if self.last is not None:
            return  # left aside
        if len(self.running) >= self.max_calls:
            raise Breach("a call too many")
        try:
            self.methods[method](call, fields.left, time.monotonic() + (timeout / 1000 or 1e30))
        except (TypeError, ValueError) as error:
            self.failed(call, INVALID_INPUT, ".", str(error))

    def tick(self, now):
        for call, (over, awake, payload) in list(self.running.items()):
            if min(over, awake) <= now:
                del self.running[call]
                self.reply(call, payload) if awake <= over else self.failed(call, CANCELLED)
        while self.events and self.credit[0] > 0 and self.credit[1] >= len(self.events[0]):
            self.credit = [self.credit[0] - 1, self.credit[1] - len(self.events[0])]
            self.send(EVENT, self.events.pop(0))
        if not self.running and (self.draining or self.last is not None):
            self.goodbye(DONE)
    def session(self):
        wants_to_leave = []
        signal.signal(signal.SIGTERM, lambda *_: wants_to_leave.append(True))
        while self.exit is None:
            try:
                if select.select([self.socket], [], [], 0.01)[0]:
                    self.take(*self.frame(MAX_FRAME))
                if wants_to_leave and not self.draining and self.last is None:
                    self.last = self.newest
                    self.send(LEAVE, varint(self.last))
                if self.exit is None:
                    self.tick(time.monotonic())
            except (Breach, UnicodeDecodeError) as breach:
                print("breach:", breach, file=sys.stderr)
                self.goodbye(PROTOCOL, str(breach)[:64])
        with contextlib.suppress(OSError):  # the hub may close first
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(65536):
                pass  # until the hub has read the last words
        return self.exit

if __name__ == "__main__":
    plugin = Plugin(*sys.argv[1:])
    plugin.handshake()
    sys.exit(plugin.session())
