"""The bytes of docs/protocol.md, for both programs: frames, the fields of headers, payloads."""
import hashlib, hmac, ipaddress, json, re, socket, ssl, time

PREFACE = bytes.fromhex("b2 62 72 70 63 0a 01 00")
HELLO, ACCEPTED, REFUSED, DESCRIBE, WELCOME, CHALLENGE, PROOF = range(1, 8)
CALL, CANCEL, CREDIT, DRAIN, RESUMABLE, CONTINUE, CONFIRM, RESUMED = range(0x10, 0x18)
REPLY, FAILED, EVENT, LEAVE, METADATA, RESUME, GOODBYE = *range(0x18, 0x1E), 0x1F
PING, PONG, RETURN = 0x20, 0x21, 0x90
METHOD, INVALID_OUTPUT, INVALID_INPUT, EXPIRED, CANCELLED = 1, 3, 5, 8, 9  # statuses of Failed
DONE, UNPLUGGED, SHUTTING_DOWN, PROTOCOL, TOO_SLOW, SILENT, REVOKED = 1, 2, 3, 4, 5, 7, 9  # codes of Goodbye
HEARTBEATS, RESUMPTION = 1, 2  # features
LABELS, HEARTBEAT, IDEMPOTENT, TOKEN, KEY = range(1, 6)  # extensions
HANDSHAKE_FRAME, DESCRIBE_FRAME, MAX_FRAME = 4096, 1_048_577, 1_048_576
ALL = 2**64 - 1  # the highest number
SENT, RECEIVED = set(), set()  # kinds, over all connections of the program

class Breach(Exception):
    """The other side broke the protocol."""

class End(Exception):
    """The stream has ended between two frames."""

def varint(number):
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)

def string(text):
    text = text if isinstance(text, bytes) else text.encode()
    return varint(len(text)) + text

def listed(elements):
    return varint(len(elements)) + b"".join(elements)

def pairs(metadata):
    return listed([string(key) + string(value) for key, value in metadata])

def origins(calls):
    """Pairs of a generation and an id."""
    return listed([varint(generation) + varint(number) for generation, number in calls])

def frame(kind, body=b"", length=None):
    return (1 + len(body) if length is None else length).to_bytes(4, "big") + bytes([kind]) + body

def decoded(payload):
    """The value of a payload, after a check of its limits."""
    depth, values = 0, 1
    for byte in re.sub(rb'"(?:[^"\\]|\\.)*"', b"", payload, flags=re.S):
        values, depth = values + (byte in b"[{,:"), depth + (byte in b"[{") - (byte in b"]}")
        if depth > 64 or values > 100_000:
            raise ValueError("too deep, or too many values")
    def number(text):
        if abs(value := float(text)) == float("inf"):
            raise ValueError("a number that is too large")
        return value
    value = json.loads((payload or b"null").decode(), parse_constant=number, parse_float=number)
    json.dumps(value, ensure_ascii=False).encode()  # refuses half of a surrogate pair
    return value

def proof(secret, hub_nonce, plugin_nonce, hello):
    """The mac of a Proof about this body of a Hello."""
    told = b"brpc proof 1" + hub_nonce + plugin_nonce + hashlib.sha256(hello).digest()
    return hmac.new(secret, told, hashlib.sha256).digest()

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
    def boolean(self):
        if (byte := self.u8()) > 1:
            raise Breach("neither true nor false")
        return bool(byte)
    def number(self, bits):
        number = shift = 0
        while True:
            byte = self.u8()
            number |= (byte & 0x7F) << shift
            if number >> bits or (byte == 0 and shift):
                raise Breach("a number that is too large or too long")
            if byte < 0x80:
                return number
            shift += 7
    def u16(self):
        return self.number(16)
    def u32(self):
        return self.number(32)
    def u64(self):
        return self.number(64)
    def bytes(self):
        return self.raw(self.u32())
    def string(self):
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise Breach("a text that is not UTF-8") from None
    def option(self, read):
        return read() if self.boolean() else None
    def list(self, read, most):
        if (count := self.u32()) > most:
            raise Breach("a list that is too long")
        return [read() for _ in range(count)]
    def pairs(self):
        found = self.list(lambda: (self.string(), self.string()), 64)
        if sum(len(key.encode()) + len(value.encode()) for key, value in found) > 8192:
            raise Breach("metadata that is too large")
        return found
    def origins(self, most):
        return self.list(lambda: (self.u64(), self.u64()), most)
    def extensions(self):
        return self.list(lambda: (self.u16(), self.bytes()), 64)
    def end(self):
        if self.left:
            raise Breach("bytes behind the header")

class Stream:
    """One side of a connection, frame by frame."""
    def __init__(self, connected):
        self.socket, self.waits = connected, 60
        self.received, self.heard, self.sent = 0, time.monotonic(), time.monotonic()
        self.socket.settimeout(self.waits)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    def send(self, kind, body=b""):
        SENT.add(kind)
        self.sent = time.monotonic()
        self.write(frame(kind, body))
    def beat(self, kind, number):
        """Sends a Ping or a Pong."""
        self.send(kind, varint(number) + varint(self.received) + b"\0")
    def write(self, data):
        try:
            self.socket.sendall(data)
        except ConnectionError:
            pass  # it has closed; what it sent before is still to be read
    def read(self, count):
        data = b""
        while len(data) < count:
            try:
                data += (more := self.socket.recv(count - len(data)))
            except ConnectionError:
                more = b""
            self.received += len(more)
            if not more:
                raise Breach("the end of the stream inside of a frame") if data else End()
        return data
    def is_private(self):
        """Whether nobody on the way reads it."""
        host = self.socket.getpeername()[0]
        return isinstance(self.socket, ssl.SSLSocket) or ipaddress.ip_address(host).is_loopback
    def has_more(self):
        """Whether TLS has bytes that were read already."""
        return hasattr(self.socket, "pending") and self.socket.pending() > 0
    def preface(self):
        if self.read(len(PREFACE))[:6] != PREFACE[:6]:
            raise Breach("not the preface")
    def frame(self, limit=MAX_FRAME):
        length = int.from_bytes(self.read(4), "big")
        if not 1 <= length <= limit:
            raise Breach("a length that is not allowed")
        kind = self.read(1)[0]
        RECEIVED.add(kind)
        fields = Fields(self.read(length - 1) if length > 1 else b"")
        self.heard = time.monotonic()
        return kind, fields
    def expect(self, kind, limit=MAX_FRAME):
        found, fields = self.frame(limit)
        if found != kind:
            raise Breach(f"kind {found:#x} where {kind:#x} was expected: {fields.left[:80]}")
        return fields
    def expect_end(self):
        try:
            found, fields = self.frame()
        except End:
            return
        raise Breach(f"kind {found:#x} where the end was expected: {fields.left[:80]}")
    def finish(self):
        """Nothing follows from this side; the other side reads the rest, and closes."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(65536):
                pass
        except OSError:
            pass  # it has closed first
        self.socket.close()

def report():
    """Which kinds the program has sent and received, for whoever started it."""
    for what, kinds in ("sent", SENT), ("received", RECEIVED):
        print(what, *sorted(kinds), flush=True)
