"""The little DER that the scripts of this folder need: writing, and a reader of one element."""


def length(n):
    if n < 0x80:
        return bytes([n])
    octets = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def tlv(tag, content):
    return bytes([tag]) + length(len(content)) + content


def sequence(*parts):
    return tlv(0x30, b"".join(parts))


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def bit_string(content):
    return tlv(0x03, b"\0" + content)


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    out = b""
    for arc in [first * 40 + second, *rest]:
        octets = bytes([arc & 0x7F])
        while arc := arc >> 7:
            octets = bytes([0x80 | arc & 0x7F]) + octets
        out += octets
    return tlv(0x06, out)


def read(data, at=0):
    """(tag, content, end) of the element at `at`; tags of one octet only."""
    tag, n, at = data[at], data[at + 1], at + 2
    if n & 0x80:
        octets = n & 0x7F
        n, at = int.from_bytes(data[at : at + octets], "big"), at + octets
    assert at + n <= len(data), "element runs past its end"
    return tag, data[at : at + n], at + n


def children(content):
    """The raw elements inside a constructed element's content."""
    out, at = [], 0
    while at < len(content):
        end = read(content, at)[2]
        out.append(content[at:end])
        at = end
    return out


def subject_public_key_info(certificate):
    """The raw SubjectPublicKeyInfo of a DER certificate."""
    tbs = children(read(children(read(certificate)[1])[0])[1])
    return tbs[6 if tbs[0][0] == 0xA0 else 5]
