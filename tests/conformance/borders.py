#!/usr/bin/env python3
"""The borders of docs/protocol.md, tried on a hub by plugins.

borders.py HOST PORT tries one border on each connection, and checks what the hub makes of it.

It exits with 0 if all was right, else with 1. Its last lines say which kinds of frames it sent and
received.
"""
import socket, sys
from plugin import DESCRIPTION, MAX_CALLS, described, hello
from wire import *

# What is sent after the preface, and what the hub does then. `EARLY` is tried in place
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
    "an unknown kind": (frame(0x08), 10),
    "a Proof": (frame(PROOF, bytes(32)), 10),
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
    "an empty Token": (said(extensions=[(TOKEN, b"")]), 10),
    "a Token that is too long": (said(extensions=[(TOKEN, b"t" * 2049)]), 10),
    "a Token twice": (said(extensions=[(TOKEN, b"t")] * 2), 10),
    "a Key whose nonce is too short": (said(extensions=[(KEY, b"\1k" + bytes(31))]), 10),
    "a Key whose nonce is too long": (said(extensions=[(KEY, b"\1k" + bytes(33))]), 10),
    "a Key whose id breaks its rule": (said(extensions=[(KEY, b"\3a b" + bytes(32))]), 10),
    "a Key twice": (said(extensions=[(KEY, b"\1k" + bytes(32))] * 2), 10),
    "labels twice": (said(extensions=[(1, pairs([("a", "")]))] * 2), 11),
}
WELCOMED = {
    "a Token and a Key that nobody asks for": {"extensions": [(KEY, b"\1k" + bytes(32)), (TOKEN, b"t" * 2048)]},
    "the smallest max_frame": {"max_frame": 16_384},
    "the largest number for max_frame": {"max_frame": 2**32 - 1},
    "no calls at all": {"max_calls": 0},
    "a higher version that the hub doesn't speak": {"versions": (0, 255)},
    "unknown extensions, in any order and again": {"extensions": [(9, b"x"), (1, pairs([("a", "")])), (7, b""), (9, b"")]},
}
DESCRIBING = {
    "another description": (frame(DESCRIBE, b"\0"), 10),
    "a length above the limit of Describe": (frame(DESCRIBE, length=1_048_578), 10),
    "a Proof that nobody asks for": (frame(PROOF, bytes(32)), 10),
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
    "a Resume without the feature": (frame(RESUME, b"\0\0\0"), BREACH),
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

# The same with resumption, in place of the Resume.
def resume(seen=(), kept=(), more=b"\0"):
    return frame(RESUME, origins(seen) + origins(kept) + more)

RESUMING = {
    "nothing": (resume(), LIVES),
    "what the hub has never known": (resume([(2**64 - 1, 0)], [(7, 7), (7, 7), (0, 0)]), LIVES),
    "as much as there may be": (resume([(1, 1)] * 64, [(1, 1)] * 512), LIVES),
    "several": (resume(more=b"\1") * 2 + event + resume(), LIVES),
    "an event before it": (event + resume(), LIVES),
    "65 connections": (resume([(1, 1)] * 65), BREACH),
    "513 calls": (resume(kept=[(1, 1)] * 513), BREACH),
    "neither true nor false": (resume(more=b"\2"), BREACH),
    "bytes behind the header": (frame(RESUME, b"\0\0\0\0"), BREACH),
    "one more behind the last": (resume() * 2, BREACH),
    "a Resumed": (resume() + frame(RESUMED), BREACH),
    "more in all than there may be": (resume(kept=[(1, 1)] * 512, more=b"\1") * 2045, BREACH),
    "no last one for five seconds": (resume(more=b"\1"), BREACH),
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
    sessions = [("session", 0, *case) for case in SESSION.items()]
    sessions += [("resuming", RESUMPTION, *case) for case in RESUMING.items()]
    for n, (kind, features, what, (sent, wanted)) in enumerate(sessions):
        stream = dial(PREFACE, frame(HELLO, hello(f"{kind}-{n}", features=features)))
        welcome(stream)
        stream.write(sent)
        if wanted == LIVES:
            stream.write(frame(GOODBYE, b"\1\0"))  # which is read only if nothing was wrong
        try:
            kind, fields = stream.frame()
            if kind == RESUMED:
                kind, fields = stream.frame()
            found = f"goodbye {fields.u16()}" if kind == GOODBYE else f"kind {kind:#x}"
        except End:
            found = GONE
        except TimeoutError:
            found = "nothing"
        check(what, found, GONE if wanted == LIVES else wanted)
        stream.socket.close()
    return count

if __name__ == "__main__":
    try:
        print("tried", borders(*sys.argv[1:]))
    except End:
        sys.exit("the hub is gone")
    finally:
        report()
