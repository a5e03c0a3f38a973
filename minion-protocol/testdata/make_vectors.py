"""Writes vectors.txt: what an independent implementation makes of the protocol's primitives.

Needs the packages `cryptography` and `msgpack`; run it in this folder:

    python3 -m venv venv && venv/bin/pip install cryptography msgpack && venv/bin/python make_vectors.py

The key pairs are in minion.pem and master.pem beside it (test keys, made once by this script and
kept). Each line of vectors.txt is a name and hex bytes. X9.31 and the Crypticle are written out here
from their definitions.
"""
import base64
import hashlib
import hmac
import os

import msgpack
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def key(name):
    if not os.path.exists(name):
        made = rsa.generate_private_key(65537, 2048)
        with open(name, "wb") as file:
            file.write(made.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption()))
    with open(name, "rb") as file:
        return serialization.load_pem_private_key(file.read(), None)


def x931(private, message):
    numbers = private.private_numbers()
    modulus = numbers.public_numbers.n
    length = (modulus.bit_length() + 7) // 8
    fill = length - len(message) - 2
    head = b"\x6a" if fill == 0 else b"\x6b" + b"\xbb" * (fill - 1) + b"\xba"
    block = int.from_bytes(head + message + b"\xcc", "big")
    power = pow(block, numbers.d, modulus)
    return min(power, modulus - power).to_bytes(length, "big")


def crypticle(key_string, plain, iv):
    secret = base64.b64decode(key_string)
    fill = 16 - len(plain) % 16
    encryptor = Cipher(algorithms.AES(secret[:24]), modes.CBC(iv)).encryptor()
    body = iv + encryptor.update(plain + bytes([fill]) * fill) + encryptor.finalize()
    return body + hmac.new(secret[24:], body, hashlib.sha256).digest()


def bad_padding(key_string, iv):
    """A valid MAC over a block whose padding is not one."""
    secret = base64.b64decode(key_string)
    encryptor = Cipher(algorithms.AES(secret[:24]), modes.CBC(iv)).encryptor()
    body = iv + encryptor.update(b"pickle::\xc0\x01\x02\x03\x04\x05\x06\x07") + encryptor.finalize()
    return body + hmac.new(secret[24:], body, hashlib.sha256).digest()


def ragged(key_string, iv):
    """A valid MAC over a ciphertext that is no multiple of a block."""
    secret = base64.b64decode(key_string)
    body = iv + b"x" * 17
    return body + hmac.new(secret[24:], body, hashlib.sha256).digest()


def main():
    master, minion = key("master.pem"), key("minion.pem")
    key_string = base64.b64encode(bytes(range(56)))
    iv = bytes(range(100, 116))
    load = {"cmd": "_return", "id": "web01", "jid": "20261121081655861002", "return": {1: b"\xff\x00"},
            "fun": "test.ping", "fun_args": [], "retcode": 0, "success": True,
            "out": "x" * 40, "big": 2**63, "less": -(2**31), "float": 1.5, "none": None}
    raw = msgpack.packb(load, use_bin_type=False)
    new = msgpack.packb(load, use_bin_type=True)
    nonce = b"0123456789abcdef0123456789abcdef"
    public = minion.public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    inner = b"".join([line for line in pem.splitlines(True) if line.strip()][1:-1])

    def oaep(digest):
        return padding.OAEP(padding.MGF1(digest()), digest(), None)

    lines = {
        "key_string": key_string,
        "key_digest": hashlib.sha256(key_string).hexdigest().encode(),
        "load_raw": raw,
        "load_new": new,
        "sealed": crypticle(key_string, b"pickle::" + raw, iv),
        "sealed_with_nonce": crypticle(key_string, b"pickle::" + nonce + raw, iv),
        "sealed_without_magic": crypticle(key_string, raw, iv),
        "sealed_bad_padding": bad_padding(key_string, iv),
        "sealed_ragged": ragged(key_string, iv),
        "minion_pub": pem,
        "minion_fingerprint": hashlib.sha256(inner).hexdigest().encode(),
        "tok": x931(minion, b"salt"),
        "tok_other_word": x931(minion, b"salz"),
        "tok_of_master": x931(master, b"salt"),
        "x931_digest": x931(master, hashlib.sha256(key_string).hexdigest().encode()),
        "sig_sha1": master.sign(raw, padding.PKCS1v15(), hashes.SHA1()),
        "sig_sha224": master.sign(raw, padding.PKCS1v15(), hashes.SHA224()),
        "minion_sig_new": minion.sign(new, padding.PKCS1v15(), hashes.SHA1()),
        "oaep_sha1": master.public_key().encrypt(b"challenge", oaep(hashes.SHA1)),
        "oaep_sha224": master.public_key().encrypt(b"challenge", oaep(hashes.SHA224)),
    }
    with open("vectors.txt", "w") as file:
        for name, value in lines.items():
            file.write(f"{name} {value.hex()}\n")


main()
