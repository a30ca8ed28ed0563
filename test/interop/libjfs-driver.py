"""Does a list of operations with the real client: libjfs-driver.py LIB META-URL NAME, a JSON line each on stdin, an answer each on stdout."""
import hashlib
import json
import sys

from jfs import JFS

lib, meta, name = sys.argv[1:4]
client = JFS(lib, meta, name)


def content(seed, size):
    """The bytes both sides know a file by: a block of the seed's digests, repeated."""
    block = b"".join(hashlib.sha256(f"{seed}:{i}".encode()).digest() for i in range(512))
    return (block * (size // len(block) + 1))[:size]


def run(op, path, *rest):
    if op == "put":
        client.put(path, content(rest[0], rest[1]))
        return None
    if op == "sha256":
        return hashlib.sha256(client.get(path)).hexdigest()
    if op == "ls":
        return sorted([entry.decode(), stat["size"], stat["mode"]] for entry, stat in client.ls(path))
    if op == "getx":
        return client.getx(path, rest[0]).decode()
    if op == "setx":
        return client.setx(path, rest[0], rest[1].encode())
    if op in ("mkdir", "rm", "rmr", "mv", "trunc", "symlink"):
        return getattr(client, op)(path, *rest)
    raise ValueError(op)


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"result": run(*request)}
    except OSError as error:
        answer = {"errno": error.errno}
    print(json.dumps(answer), flush=True)
client.term()
