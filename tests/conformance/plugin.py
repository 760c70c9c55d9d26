#!/usr/bin/env python3
"""A plugin in plain Python, written from docs/protocol.md alone.

plugin.py HOST PORT [NAME] is a plugin with the methods `echo`, which gives its input and the
metadata of the call back; `fail`, which returns the error {"code", "message", "data"} that it is
given; `sleep`, which takes milliseconds and gives them back when they are over; `announce`,
which sends its input as an event; `count`, which says how often it has been called; and `lose`, which
ends the connection as a broken link would, and dials again after as many milliseconds as it is given.
It goes on with its resumable calls meanwhile. Once welcomed, it sends the event {"hello": NAME}.
SIGTERM makes it leave. It shows the hub the token in TOKEN, and proves that it knows the secret in
SECRET, as `id:secret`, if these variables are set; and dials over TLS if CA names a file with the
certificate that the hub's is signed by, and asks for the certificate of HOST. It shows its token over
TLS, or to a loopback address.

It exits with 0 after an orderly end, else with 1, and then says why: `refused` with all that Refused
says, or `not over TLS:` with what is wrong there. Its last lines say which kinds of frames it sent and
received.
"""
import hashlib, json, os, select, signal, socket, ssl, sys, time
from kept import Call, Kept
from wire import *

MAX_CALLS, INTERVAL_MS = 64, 1_000
FEATURES = HEARTBEATS | RESUMPTION

def described(name, about, takes, gives):
    option = lambda text: b"\0" if text is None else b"\1" + string(text)
    return string(name) + string(about) + option(takes) + option(gives)

DESCRIPTION = listed([
    described("echo", "Gives its input back.", "true", "true"),
    described("fail", "", '{"type":"object"}', None),
    described("sleep", "", '{"type":"integer"}', "true"),
    described("announce", "", "true", None),
    described("count", "", None, '{"type":"integer"}'),
    described("lose", "", '{"type":"integer"}', None),
])

def hello(name, versions=(1, 1), features=0, max_frame=MAX_FRAME, max_calls=MAX_CALLS, version="1.0", extensions=(),
          description=DESCRIPTION, instance=None):
    limits = varint(max_frame) + varint(max_calls)
    digest = hashlib.sha256(description).digest()
    extensions = listed([varint(number) + string(data) for number, data in extensions])
    return (bytes(versions) + varint(features) + limits + string(name) + string(version)
            + (instance or os.urandom(16)) + digest + extensions)

class Refused(Exception):
    """The hub refused the plugin; with its code."""

class Plugin:
    def __init__(self, host, port, name):
        self.address, self.asked, self.instance = (host, port), name, os.urandom(16)
        self.methods = [self.echo, self.fail, self.sleep, self.announce, self.count, self.lose]
        self.exit, self.counted, self.wants_to_leave = None, 0, False
        self.kept = Kept()
        self.sleeping = []  # calls whose handlers run, with when they have slept enough

    # The handshake.
    def dial(self):
        self.newest, self.last, self.draining, self.away = 0, None, False, None
        self.in_flight = {}  # by id, until the answer is sent; a resumable one until it is confirmed
        self.events = []
        self.stream = Stream(self.connected())
        self.stream.write(PREFACE)
        extensions, self.nonce = [(HEARTBEAT, varint(INTERVAL_MS))], os.urandom(32)
        if (token := os.environ.get("TOKEN")) and self.stream.is_private():
            extensions.append((TOKEN, token.encode()))
        key, _, self.secret = os.environ.get("SECRET", "").partition(":")
        if key:
            extensions.append((KEY, string(key) + self.nonce))
        self.hello = hello(self.asked, features=FEATURES, extensions=extensions, instance=self.instance)
        self.stream.send(HELLO, self.hello)
        self.handshake()
    def connected(self):
        connected = socket.create_connection(self.address)
        if not (authority := os.environ.get("CA")):
            return connected
        context = ssl.create_default_context(cafile=authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["brpc/1"])
        return context.wrap_socket(connected, server_hostname=self.address[0])
    def expect(self, expected):
        kind, fields = self.stream.frame(HANDSHAKE_FRAME)
        if kind == CHALLENGE and expected == ACCEPTED and self.secret:
            hub_nonce = fields.raw(32)
            fields.end()
            self.stream.send(PROOF, proof(self.secret.encode(), hub_nonce, self.nonce, self.hello))
            self.secret = None  # it is asked once
            return self.expect(expected)
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
        self.features, epoch = fields.u64() & FEATURES, fields.raw(16)
        self.name, generation = fields.string(), fields.u64()
        if (max_frame := fields.u32()) < 16_384:
            raise Breach("a max_frame that is too small")
        self.hub_max_frame = min(max_frame, 67_108_864)
        self.max_calls = min(MAX_CALLS, max(1, fields.u32()))
        self.credit = [fields.u32(), fields.u64()]
        extensions = dict(fields.extensions())
        fields.end()
        self.interval, self.pings = None, 0
        if self.features & HEARTBEATS:
            agreed = Fields(extensions.get(HEARTBEAT, varint(5_000)))
            self.interval = agreed.u32() / 1000
            agreed.end()
        self.recalling = bool(self.features & RESUMPTION)
        if self.recalling:
            self.recall(*self.kept.welcomed(epoch, generation))
        self.events.append(json.dumps({"hello": self.name}).encode())
    def recall(self, seen, kept):
        # One call in each, so that there are several.
        for n in range(max(1, len(kept))):
            more = b"\1" if n + 1 < len(kept) else b"\0"
            self.stream.send(RESUME, origins(seen if n == 0 else []) + origins(kept[n:n + 1]) + more)

    # Answers.
    def reply(self, call, output, metadata=()):
        if 1 + len(varint(call.id or ALL) + output) > self.hub_max_frame:
            return self.failed(call, INVALID_OUTPUT, message="too large for a frame")
        self.answer(call, [(METADATA, pairs(metadata))] * bool(metadata) + [(REPLY, output)])
    def failed(self, call, status, code="", message="", data=b""):
        code, message = (text.encode()[:most].decode(errors="ignore") for text, most in ((code, 128), (message, 4096)))
        header = bytes([status]) + string(code) + string(message)
        length = 1 + len(varint(call.id or ALL) + header + data)
        self.answer(call, [(FAILED, header + (data if length <= self.hub_max_frame else b""))])
    def answer(self, call, frames):
        call.answer = frames
        if call.id is not None:
            self.send_answer(call)
    def send_answer(self, call):
        if not self.kept.holds(call):
            del self.in_flight[call.id]
        for kind, rest in call.answer:
            self.stream.send(kind, rest if kind == METADATA else varint(call.id) + rest)
    def goodbye(self, code, message="", more=b""):
        self.stream.send(GOODBYE, varint(code) + string(message[:64]) + more)
        self.exit = int(code != DONE)

    # The methods. Each answers, or leaves its call among those that sleep.
    def echo(self, call, payload, metadata):
        decoded(payload)
        self.reply(call, payload, metadata)
    def fail(self, call, payload, _):
        error = dict(decoded(payload))
        data = json.dumps(error["data"]).encode() if "data" in error else b""
        self.failed(call, METHOD, str(error.get("code", "error")), str(error.get("message", "")), data)
    def sleep(self, call, payload, _):
        if type(decoded(payload)) is not int:
            raise ValueError("expected a number of milliseconds")
        self.sleeping.append((call, time.monotonic() + decoded(payload) / 1000, payload))
    def announce(self, call, payload, _):
        decoded(payload)
        self.events.append(payload)
        self.send_events()
        self.reply(call, b"")
    def count(self, call, *_):
        self.counted += 1
        self.reply(call, b"%d" % self.counted)
    def lose(self, call, payload, _):
        away = decoded(payload) / 1000
        self.reply(call, b"")
        self.away = away

    # What the hub sends.
    def take(self, kind, fields):
        if self.recalling and kind in (CALL, RESUMABLE) or not self.recalling and kind == CONTINUE:
            raise Breach("a call on the wrong side of Resumed")
        if kind == CALL:
            self.take_call(fields)
        elif kind == RESUMABLE and self.features & RESUMPTION:
            self.take_call(fields, window=fields.u64() / 1000)
        elif kind == CONTINUE and self.features & RESUMPTION:
            number, origin, timeout = fields.u64(), (fields.u64(), fields.u64()), fields.u64()
            if self.arrives(number):
                self.go_on(number, origin, timeout)
        elif kind == RESUMED and self.features & RESUMPTION:
            self.kept.resumed()
            self.recalling = False
        elif kind == CONFIRM and self.features & RESUMPTION:
            call = self.in_flight.get(self.known(fields))
            if call and call.answer:
                self.withdraw(call)
        elif kind == CANCEL:
            if call := self.in_flight.get(self.known(fields)):
                self.kept.forget(call)
                if call.answer:
                    self.withdraw(call)
                else:
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
            silent = [fields.u64()] if code == SILENT else []
            print("goodbye", code, message, *silent, flush=True)
        elif not 0x80 <= kind <= 0xBF:
            raise Breach(f"an unexpected kind {kind:#x}")
        else:
            return  # a strike, which this plugin doesn't count
        fields.end()
    def known(self, fields):
        if not 1 <= (number := fields.u64()) <= self.newest:
            raise Breach("the id of a call that never arrived")
        return number
    def arrives(self, number):
        """Whether the call of this id counts."""
        if number <= self.newest or self.draining:
            raise Breach("a call that must not be")
        self.newest = number
        if self.last is None and len(self.in_flight) >= self.max_calls:
            raise Breach("a call too many")
        return self.last is None
    def take_call(self, fields, window=None):
        number, method, timeout, trace = fields.u64(), fields.u32(), fields.u64(), fields.string()
        metadata, payload, fields.left = fields.pairs(), fields.left, b""
        if len(trace.encode()) > 256:
            raise Breach("a trace that is too long")
        if method >= len(self.methods):
            raise Breach("a method that was not described")
        if not self.arrives(number):
            return
        call = self.in_flight[number] = Call(number, timeout)
        if window is not None:
            call.origin, call.window = (self.kept.generation, number), window
            self.kept.calls[call.origin] = call
        try:
            self.methods[method](call, payload, metadata)
        except (TypeError, ValueError) as error:
            self.failed(call, INVALID_INPUT, ".", str(error))
    def go_on(self, number, origin, timeout):
        call = self.kept.calls.get(origin)
        if call is None:
            call = self.in_flight[number] = Call(number, timeout)
            return self.failed(call, CANCELLED)
        self.in_flight.pop(call.id, None)
        call.id, call.until = number, None
        call.limit(timeout)
        self.in_flight[number] = call
        if call.answer:
            self.send_answer(call)
    def withdraw(self, call):
        """The hub has the answer, or wants none."""
        self.kept.forget(call)
        del self.in_flight[call.id]

    # What happens by itself.
    def send_events(self):
        while self.events and self.credit[0] > 0 and self.credit[1] >= len(self.events[0]):
            self.credit = [self.credit[0] - 1, self.credit[1] - len(self.events[0])]
            self.stream.send(EVENT, self.events.pop(0))
    def run_handlers(self, now):
        self.kept.expire(now)
        sleeping, self.sleeping = self.sleeping, []
        for call, awake, payload in sleeping:
            if call.answer or not (self.kept.holds(call) or self.in_flight.get(call.id) is call):
                continue  # cancelled
            if min(call.over, awake) > now:
                self.sleeping.append((call, awake, payload))
            elif awake <= call.over:
                self.reply(call, payload)
            else:
                self.failed(call, CANCELLED)
    def tick(self, now):
        self.run_handlers(now)
        self.send_events()
        if self.interval:
            self.heartbeat(now)
        if not self.in_flight and (self.draining or self.last is not None):
            self.goodbye(DONE)
    def heartbeat(self, now):
        silent = now - self.stream.heard
        if silent > 3 * self.interval:
            self.goodbye(SILENT, more=varint(int(1000 * silent)))
        elif self.pings == 0 or now - self.stream.sent > self.interval * 4 / 5:
            # The first at once, to find out how far the hub is.
            self.pings += 1
            self.stream.beat(PING, self.pings)
    def leave(self):
        if not self.draining and self.last is None:
            self.last = self.newest
            self.stream.send(LEAVE, varint(self.last))

    # Connections, one after the other.
    def session(self):
        """Returns when the plugin exits, or the connection is lost."""
        while self.exit is None and self.away is None:
            try:
                if self.stream.has_more() or select.select([self.stream.socket], [], [], 0.01)[0]:
                    self.take(*self.stream.frame())
                if self.wants_to_leave:
                    self.leave()
                if self.exit is None and self.away is None:
                    self.tick(time.monotonic())
            except Breach as breach:
                print("breach:", breach, file=sys.stderr)
                self.goodbye(PROTOCOL, str(breach))
            except End:
                self.away = 0
        self.stream.finish()
    def run(self):
        def leave(*_):
            self.wants_to_leave = True
        signal.signal(signal.SIGTERM, leave)
        self.dial()
        self.session()
        while self.exit is None:
            now = time.monotonic()
            back = now + self.away
            if self.draining or self.last is not None:
                self.kept.end()
            else:
                self.kept.lost(self.newest, now)
            self.in_flight = {}
            while (now := time.monotonic()) < back:
                self.run_handlers(now)
                time.sleep(0.01)
            self.dial()
            self.session()
        return self.exit

def main(host, port, name="python"):
    try:
        return Plugin(host, port, name).run()
    except Refused as refused:
        print("refused", *refused.args)
        return 1
    except ssl.SSLError as error:
        print("not over TLS:", error)
        return 1

if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (End, ConnectionError):
        sys.exit("the hub is gone")
    finally:
        report()
