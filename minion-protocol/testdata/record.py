"""Records what a real minion and a master say to each other, for testdata/captured/.

    record.py OUT.txt LISTEN_PUBLISH LISTEN_RET MASTER_PUBLISH MASTER_RET

Listens on loopback, passes every byte on, and writes one line for each message with a body:
`request HEX`, `reply HEX` (port of returns) and `publication HEX` (port of jobs), in the order of
their ends. Beside it the tests need the minion's private key, which opens the `_auth` reply and
with it all the rest: use keys that were made for the recording alone.
"""
import socket
import sys
import threading

OUT = open(sys.argv[1], "w")
LOCK = threading.Lock()
LISTEN_PUBLISH, LISTEN_RET, MASTER_PUBLISH, MASTER_RET = map(int, sys.argv[2:6])


def frames(stream):
    """Gives (flags, body) of each frame behind the greeting."""
    stream.read(64)
    while True:
        head = stream.read(2)
        if len(head) < 2:
            return
        flags, length = head[0], head[1]
        if flags & 2:
            length = int.from_bytes(head[1:] + stream.read(7), "big")
        yield flags, stream.read(length)


class Tee:
    """A pipe of bytes that a parser reads while they pass by."""

    def __init__(self):
        self.parts, self.ready, self.over = bytearray(), threading.Condition(), False

    def put(self, data):
        with self.ready:
            self.parts += data
            self.over = self.over or not data
            self.ready.notify()

    def read(self, length):
        with self.ready:
            self.ready.wait_for(lambda: len(self.parts) >= length or self.over)
            data, self.parts = bytes(self.parts[:length]), self.parts[length:]
            return data


def note(tee, word):
    for flags, body in frames(tee):
        # Commands and delimiters have nothing to say; a subscription is one byte and a prefix.
        if not flags & 4 and len(body) > 60:
            with LOCK:
                OUT.write(f"{word} {body.hex()}\n")
                OUT.flush()


def pump(source, sink, tee):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
            tee.put(data)
    except OSError:
        pass
    tee.put(b"")
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def relay(listen, target, words):
    server = socket.create_server(("127.0.0.1", listen))
    while True:
        minion, _ = server.accept()
        master = socket.create_connection(("127.0.0.1", target))
        for source, sink, word in ((minion, master, words[0]), (master, minion, words[1])):
            tee = Tee()
            threading.Thread(target=note, args=(tee, word), daemon=True).start()
            threading.Thread(target=pump, args=(source, sink, tee), daemon=True).start()


threading.Thread(
    target=relay, args=(LISTEN_PUBLISH, MASTER_PUBLISH, ("subscription", "publication")), daemon=True
).start()
relay(LISTEN_RET, MASTER_RET, ("request", "reply"))
