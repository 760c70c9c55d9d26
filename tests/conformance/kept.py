"""The calls of a plugin, over all of its connections to one hub: which of them a lost connection leaves."""
import time

class Call:
    """A call, from its frame on until nobody may ask for its answer any more."""
    def __init__(self, number, timeout_ms, origin=None, window=0):
        self.id = number  # on the present connection, None if the hub doesn't know it there
        self.origin = origin  # of a resumable call: the generation and the id of its Resumable
        self.window, self.until = window, None  # seconds; when it is over, once the connection is lost
        self.answer = None  # what to send: pairs of a kind and what follows the id
        self.limit(timeout_ms)
    def limit(self, timeout_ms):
        self.over = time.monotonic() + (timeout_ms / 1000 or float("inf"))

class Kept:
    def __init__(self):
        self.epoch, self.generation = None, 0
        self.calls = {}  # those that are resumable, by origin
        self.seen = []  # connections that were lost since the last Resumed

    def welcomed(self, epoch, generation):
        """What to recall to the hub: `seen`, and the origins of the calls."""
        if epoch != self.epoch:
            self.end()
        self.epoch, self.generation = epoch, generation
        self.expire(time.monotonic())
        return self.seen, list(self.calls)
    def resumed(self):
        """The hub has named all calls that go on."""
        self.seen = []
        self.calls = {origin: call for origin, call in self.calls.items() if call.id is not None}
    def lost(self, newest, now):
        self.seen = [*self.seen, (self.generation, newest)][-64:]
        for call in self.calls.values():
            call.id, call.until = None, min(call.until or float("inf"), now + call.window)
    def end(self):
        """The connection has ended, and was not lost."""
        self.calls, self.seen = {}, []
    def expire(self, now):
        """While no hub knows them, nobody else ends the calls whose time is over."""
        waits = lambda call: call.id is not None or now < min(call.until, call.over)
        self.calls = {origin: call for origin, call in self.calls.items() if waits(call)}
    def forget(self, call):
        self.calls.pop(call.origin, None)
    def holds(self, call):
        return self.calls.get(call.origin) is call
