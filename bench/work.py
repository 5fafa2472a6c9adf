"""The ids that are stopped, and the answers that the server gives to batches of them.

All are made once and kept: a list of a million uuids is the beginning of the list of ten million.
Every hundredth id ends in 00, and no other does: the server calls those too late.
"""

import os
import random
import re

BATCH = 10000
LATE_EVERY = 100
SINGLES = 400_000
SMALL, LARGE = 1_000_000, 10_000_000


def late(count):
    """How many of the first `count` ids are too late."""
    return count // LATE_EVERY


def _hex_ids(source, count):
    """`count` ids of 32 hex digits, with the version and variant of a random uuid."""
    text = source.randbytes(16 * count).hex()
    ids = []
    for i in range(count):
        one = text[32 * i:32 * i + 32]
        tail = one[30:]
        if i % LATE_EVERY == LATE_EVERY - 1:
            tail = "00"
        elif tail == "00":
            tail = "01"
        ids.append(f"{one[:12]}4{one[13:16]}8{one[17:30]}{tail}")
    return ids


def _uuid(one):
    return f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}"


def _item(uuid):
    code = 403 if uuid.endswith("00") else 200
    return f'{{"messageUuid":"{uuid}","code":{code}}}'


def _complete(path, write):
    """Writes a file under another name first: what is there is whole."""
    if not os.path.exists(path):
        with open(path + ".new", "w", encoding="ascii") as file:
            write(file)
        os.rename(path + ".new", path)


def singles(folder, count=SINGLES):
    """The file of ids for one-by-one requests."""
    path = os.path.join(folder, f"singles-{count}.txt")
    source = random.Random(1)
    _complete(path, lambda file: file.write("\n".join(_hex_ids(source, count)) + "\n"))
    return path


def batches(folder, count):
    """The file of `count` uuids; the answer to each batch is under answers/ by its first uuid."""
    path = os.path.join(folder, f"uuids-{count}.txt")
    answers = os.path.join(folder, "answers")
    os.makedirs(answers, exist_ok=True)
    source = random.Random(2)

    def write(file):
        for _ in range(count // BATCH):
            uuids = [_uuid(one) for one in _hex_ids(source, BATCH)]
            file.write("\n".join(uuids) + "\n")
            items = ",".join(map(_item, uuids))
            answer = os.path.join(answers, uuids[0] + ".json")
            with open(answer, "w", encoding="ascii") as to:
                to.write('{"errors":true,"items":[' + items + "]}")

    _complete(path, write)
    return path


def first_body(folder):
    """The body of the first batch, for tools that send one body again and again."""
    path = os.path.join(folder, "body.json")

    def write(file):
        with open(batches(folder, SMALL), encoding="ascii") as ids:
            uuids = [next(ids).rstrip("\n") for _ in range(BATCH)]
        file.write('{"uuids":["' + '","'.join(uuids) + '"]}')

    _complete(path, write)
    return path


def journal(folder):
    return os.path.join(folder, "journal")


def results(folder):
    return os.path.join(folder, "results.ndjson")


def command_counts(folder, ids, is_batch):
    """What a run of the command left in its files: { outcome: number }, without those of which the
    journal or the results say something else, or nothing."""
    ends = {"stopped": "200", "too_late": "403"} if is_batch else {
        "stopped": '"006","verified":true', "too_late": '"003","message":"Delivered to gateway"'}
    expected, counts = {}, {}
    with open(ids, encoding="ascii") as file:
        for n, line in enumerate(file, 1):
            one = line.rstrip("\n")
            word = "too_late" if one.endswith("00") else "stopped"
            said = f'"id":"{one}","outcome":"{word}","code":{ends[word]}'
            expected["{" + said + "}\n"] = f'{{"n":{n},{said},"at":\n'
    with open(journal(folder), encoding="ascii") as file:
        noted = {re.sub(r"(?<=,\"at\":)\d+}", "", line) for line in file}
    with open(results(folder), encoding="ascii") as file:
        for line in file:
            if expected.pop(line, None) in noted:
                word = line.split('"')[7]
                counts[word] = counts.get(word, 0) + 1
    return counts
