"""What libzmq says of our two ports. Arguments: publish port, request port.

The server under test answers every request with its own body, and publishes `tick` with a number
under the topics `one` and `two` all the time. Any broken promise ends with a traceback.
"""
import os
import socket
import struct
import sys

import zmq

PUBLISH, REQUEST = (f"tcp://127.0.0.1:{port}" for port in sys.argv[1:3])
CONTEXT = zmq.Context()
PATIENCE_MS = 30000


def connect(kind, address, **options):
    peer = CONTEXT.socket(kind)
    peer.linger = 0
    peer.rcvtimeo = PATIENCE_MS
    for name, value in options.items():
        setattr(peer, name, value)
    peer.connect(address)
    return peer


def ask(peer, body):
    peer.send(body)
    answer = peer.recv()
    assert answer == body, (body[:20], answer[:20])


def raw(greeting):
    peer = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    peer.settimeout(PATIENCE_MS / 1000)
    peer.sendall(greeting)
    return peer


# Item 4: two live connections with one identity.
first, second = (connect(zmq.REQ, REQUEST, identity=b"same") for _ in range(2))
first.send(b"a")
second.send(b"b")
assert (second.recv(), first.recv()) == (b"b", b"a")

# Item 7: large bodies; an absurd claim closes only its own connection.
ask(first, os.urandom(8 << 20))
greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ"
liar = raw(greeting + ready + b"\x02" + struct.pack(">Q", 1 << 40))
while liar.recv(1000):
    pass
for nonsense in (b"GET / HTTP/1.1\r\n\r\n", greeting + b"\x04\x00", greeting + b"\xff" * 50):
    try:
        peer = raw(nonsense)
        while peer.recv(1000):
            pass
    except ConnectionError:
        pass
ask(first, b"still here")

# Item 1: ten bytes, then silence, do not disturb others; nor does a client of its own kind.
raw(greeting[:10])
correlated = connect(zmq.REQ, REQUEST, req_correlate=1, req_relaxed=1)
ask(correlated, b"with a request id")

# Items 8 and 9: prefixes, cancellation, heartbeats. The stalled one never reads (item 11).
stalled = connect(zmq.SUB, PUBLISH, rcvhwm=1)
stalled.subscribe(b"")
everything = connect(zmq.SUB, PUBLISH, heartbeat_ivl=100, heartbeat_timeout=5000)
everything.subscribe(b"")
one = connect(zmq.SUB, PUBLISH)
one.subscribe(b"one")
for _ in range(50):
    assert one.recv_multipart()[0] == b"one"
    everything.recv_multipart()
one.unsubscribe(b"one")
one.subscribe(b"tw")
while one.recv_multipart()[0] != b"two":
    pass
for _ in range(50):
    topic, body = one.recv_multipart()
    assert topic == b"two" and body.startswith(b"tick"), (topic, body)
print("every promise kept")
