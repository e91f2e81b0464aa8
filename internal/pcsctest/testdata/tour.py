# Makes the tour of tour.scriptor with pyscard, but takes the way from what the
# card says, as an application would: the AID from the directories, the file of the
# log from the card. Prints a line for each command: COMMAND ANSWER.
#
#   tour.py READER AID      READER is the whole name, AID in hexadecimal digits
#
# Ends with an error if the directories do not name the AID.
import sys

from smartcard.System import readers
from smartcard.util import toHexString

PPSE = list(b"2PAY.SYS.DDF01")
PSE = list(b"1PAY.SYS.DDF01")


def tlv(data):
    """Gives (tag, value) of each object, and of those inside constructed ones."""
    i = 0
    while i < len(data):
        if data[i] in (0x00, 0xFF):
            i += 1
            continue
        start = i
        constructed = data[i] & 0x20
        if data[i] & 0x1F == 0x1F:
            i += 1
            while data[i] & 0x80:
                i += 1
        i += 1
        tag = bytes(data[start:i]).hex().upper()
        length = data[i]
        i += 1
        if length & 0x80:
            n = length & 0x7F
            length = int.from_bytes(bytes(data[i:i + n]), "big")
            i += n
        value = data[i:i + length]
        if len(value) != length:
            sys.exit("object %s says %d bytes, %d are there" % (tag, length, len(value)))
        i += length
        yield tag, value
        if constructed:
            yield from tlv(value)


def send(card, command):
    data, sw1, sw2 = card.transmit(command)
    print(toHexString(command, 1), toHexString(data + [sw1, sw2], 1))
    return data if (sw1, sw2) == (0x90, 0x00) else []


def select(card, name):
    return send(card, [0x00, 0xA4, 0x04, 0x00, len(name)] + name + [0x00])


def main():
    name, aid = sys.argv[1], list(bytes.fromhex(sys.argv[2]))
    reader = [r for r in readers() if str(r) == name]
    if not reader:
        sys.exit("no reader %s among %s" % (name, readers()))
    card = reader[0].createConnection()
    card.connect()
    print("ATR", toHexString(card.getATR(), 1))

    listed = [v for t, v in tlv(select(card, PPSE)) if t == "4F"]
    for t, v in tlv(select(card, PSE)):
        if t == "88":
            record = send(card, [0x00, 0xB2, 0x01, v[0] << 3 | 4, 0x00])
            listed += [v for t, v in tlv(record) if t == "4F"]
    if aid not in listed:
        sys.exit("no directory names %s" % sys.argv[2])

    log = [v for t, v in tlv(select(card, aid)) if t == "9F4D"]
    for tag in ([0x9F, 0x79], [0x9F, 0x36], [0x9F, 0x4D], [0x9F, 0x4F]):
        for t, v in tlv(send(card, [0x80, 0xCA] + tag + [0x00])):
            if t == "9F4D" and not log:
                log = [v]
    if log:
        for record in (1, 2):
            send(card, [0x00, 0xB2, record, log[0][0] << 3 | 4, 0x00])
    card.disconnect()


main()
