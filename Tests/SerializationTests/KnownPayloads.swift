@testable import Serialization

/// A payload, and what it holds.
struct KnownPayload: Sendable, CustomStringConvertible {
  let name: String
  let kind: String
  let texts: [String]
  let hex: String

  init(_ name: String, _ kind: String, _ texts: [String], _ hex: String) {
    self.name = name
    self.kind = kind
    self.texts = texts
    self.hex = hex
  }

  var description: String { name }

  var bytes: [UInt8] { bytesOf(hex: hex) }
}

/// What redis-server 7.0.15 answered to DUMP.
let capturedPayloads: [KnownPayload] = [
  KnownPayload(
    "string", "string",
    ["hello"],
    """
    000568656c6c6f0a006372df766534200a
    """),
  KnownPayload(
    "empty string", "string",
    [""],
    """
    00000a005d9b5c400f7fa2da
    """),
  KnownPayload(
    "integer of 8 bits", "string",
    ["-128"],
    """
    00c0800a009966326d2f0c5bd9
    """),
  KnownPayload(
    "integer of 16 bits", "string",
    ["32767"],
    """
    00c1ff7f0a00495a37da17f4d52b
    """),
  KnownPayload(
    "integer of 32 bits", "string",
    ["-2147483648"],
    """
    00c2000000800a00c74f873e33558187
    """),
  KnownPayload(
    "integer of 64 bits", "string",
    ["9223372036854775807"],
    """
    0013393232333337323033363835343737353830370a003a657e9481e85f22
    """),
  KnownPayload(
    "compressed string", "string",
    ["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
    """
    00c3094064017878e057000178780a005db7f663bb08625f
    """),
  KnownPayload(
    "string of 14 bits", "string",
    [
      "defghijklmnopqrstuvwxyz{|}~\u{7f}\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}\u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\u{a0}\u{a1}\u{a2}\u{a3}"
    ],
    """
    0040406465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f90\
    9192939495969798999a9b9c9d9e9fa0a1a2a30a007f028c26ea7a596f
    """),
  KnownPayload(
    "list of one listpack", "list",
    [
      "a", "1", "-1", "300", "-5000", "100000", "16777216", "1099511627776", "",
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ],
    """
    120102c33540761a760000000a008161020101dfff02c12c02f178ec03f2a0860104f32019020105f420052007070000\
    098001e04678e03c000148ff0a00b99025a937ff9302
    """),
  KnownPayload(
    "list of three listpacks", "list",
    ["one", "two", "three", "four", "five"],
    """
    12030211110000000200836f6e65048374776f04ff02141400000002008574687265650684666f757205ff020d0d0000\
    000100846669766505ff0a00581a74ab64cebf99
    """),
  KnownPayload(
    "set of texts", "set",
    ["pear", "apple", "17"],
    """
    02030470656172c011056170706c650a0049348f4af4fda367
    """),
  KnownPayload(
    "set of integers of 2 bytes", "set",
    ["-7", "3", "500"],
    """
    0b0e0200000003000000f9ff0300f4010a004ed4d70089f218e9
    """),
  KnownPayload(
    "set of integers of 4 bytes", "set",
    ["1", "70000"],
    """
    0b10040000000200000001000000701101000a002735436efd6656c4
    """),
  KnownPayload(
    "set of integers of 8 bytes", "set",
    ["-9223372036854775808", "1"],
    """
    0bc312180408000000022003a00001800160080100000a0023c86d022340525c
    """),
  KnownPayload(
    "packed hash", "hash",
    [
      "field", "value", "n", "12", "long",
      "lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet ",
    ],
    """
    10c34046408f1f8f0000000600856669656c64068576616c756506816e020c01846c6f6e6705e00e6c6c6f72656d2069\
    7073756d20646f200d092073697420616d657420200ce0451a016eff0a009ef4b34ec88cf78b
    """),
  KnownPayload(
    "hash", "hash",
    [
      "field", "value", "n", "12", "long",
      "lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsum dolor sit amet ",
    ],
    """
    0403056669656c640576616c7565046c6f6e67c324406c1a6c6f72656d20697073756d20646f6c6f722073697420616d\
    657420200ce0431a017420016ec00c0a007f10cec42e8689d8
    """),
  KnownPayload(
    "packed sorted set", "sortedSet",
    ["b", "-inf", "a", "1", "c", "1", "d", "2.5", "e", "1e+17", "f", "inf"],
    """
    1137370000000c00816202842d696e66058161020101816302010181640283322e3504816502f400008a5d7845630109\
    81660283696e6604ff0a0045eafc7bd8d4f613
    """),
  KnownPayload(
    "sorted set", "sortedSet",
    ["b", "-inf", "a", "1", "c", "1", "d", "2.5", "e", "1e+17"],
    """
    0505016500a0d88557347643016400000000000004400163000000000000f03f0161000000000000f03f016200000000\
    0000f0ff0a002f01a9b2809e3e9b
    """),
  KnownPayload(
    "stream", "stream",
    [
      "2", "5", "1", "a", "1", "b", "x", "2", "5", "2", "a", "2", "b", "y", "1", "7", "0", "other", "3", "2",
      "-1", "-1", "a", "4", "b", "", "0", "-1", "-1", "0", "0", "4", "0",
    ],
    """
    13011000000000000000050000000000000001c3404c405111510000001f000401000102018161028162024009000020\
    01050101817802052016400a201c0079200c401b0edfff020101856f7468657206030106201a0cdffa02dffe02040180\
    010501ff0481ffffffffffffffff81ffffffffffffffff0501000004000a00ef4955816b1988e0
    """),
  KnownPayload(
    "stream without entries", "stream",
    ["0", "0", "0", "0", "0", "0", "1", "g", "0", "0", "-1", "0", "0", "0"],
    """
    13000000000000000000010167000081ffffffffffffffff00000a00a01a953dfb9cddde
    """),
  KnownPayload(
    "stream of two nodes with deleted entries", "stream",
    [
      "1", "1", "0", "field", "value", "1", "3", "0", "field", "value", "1", "4", "0", "field", "value", "1",
      "5", "0", "field", "value", "1", "7", "0", "field", "value", "0", "7", "0", "6", "0", "7", "0",
    ],
    """
    13031000000000000000010000000000000000c334404307430000001400020140000b856669656c6406000102010020\
    01098576616c756506040103201ce0020e00022001e0010e0101ff1000000000000000040000000000000000c3344043\
    07430000001400020140000b856669656c640600010201002001078576616c75650604200e0001e0030e00032010e001\
    1d0101ff100000000000000007000000000000000025250000000a00010100010101856669656c640600010201000100\
    018576616c7565060401ff0507000100060007000a00fa2437e52f3fab75
    """),
  KnownPayload(
    "stream with groups", "stream",
    [
      "1", "1", "0", "f", "1", "1", "2", "0", "f", "2", "1", "4", "0", "f", "4", "1", "5", "0", "f", "5", "0",
      "5", "0", "3", "0", "5", "1", "one", "4", "0", "4", "1", "12", "1795262395041", "1795262395041", "1",
      "alice", "1795262395041", "1795262395041", "1", "bob", "1795262395041", "1795262395041", "0", "1", "1",
      "0", "1795262395041", "1", "1", "1", "3", "0", "1795262395041", "1", "2", "1", "4", "0",
      "1795262395041", "1", "2", "0", "1", "three", "2", "5", "7", "0", "0", "1", "two", "3", "0", "-1", "0",
      "0", "0",
    ],
    """
    130110000000000000000100000000000000004044440000001e00040101010101816602000102010001000101010401\
    02010101000102010401030102010001030104010201030100010401040102010401000105010401ff04050001000300\
    0503036f6e650400040300000000000000010000000000000000a132fafda10100000100000000000000030000000000\
    000000a132fafda10100000100000000000000040000000000000000a132fafda10100000103c00ca132fafda1010000\
    0005616c696365a132fafda1010000010000000000000001000000000000000003626f62a132fafda101000002000000\
    000000000300000000000000000000000000000004000000000000000005746872656502050700000374776f030081ff\
    ffffffffffffff00000a0018cb290fdb2cce72
    """),
]

/// Forms that other versions write: made by hand, and, where it knows them, read by redis-server 7.0.15.
let craftedPayloads: [KnownPayload] = [
  KnownPayload(
    "list of strings", "list",
    ["a", "b", "7"],
    """
    01030161016201370a00a0b58f35501c4ac6
    """),
  KnownPayload(
    "list in a ziplist", "list",
    [
      "a", "0", "12", "13", "-1", "200", "40000", "-8000000", "1073741824", "1125899906842624",
      "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", "",
    ],
    """
    0a4081810000007e0000000c0000016103f102fd02fe0d03feff03c0c80004f0409c0005f000ee8505d00000004006e0\
    00000000000004000a404679797979797979797979797979797979797979797979797979797979797979797979797979\
    7979797979797979797979797979797979797979797979797979797979797979794900ff0a00d013b41d3824afa8
    """),
  KnownPayload(
    "list of ziplists", "list",
    [
      "a", "b",
      "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
      "c",
    ],
    """
    0e0211110000000d0000000200000161030162ffc3344141004100010000000000390001000000000002000000000041\
    002c007ae0ff00007ae0190000fe002f0001000000000001006300ff0a004df238130db4bc3d
    """),
  KnownPayload(
    "list with a plain node and an empty one", "list",
    ["a", "plain", "b"],
    """
    1204020a0a0000000100816102ff0105706c61696e0207070000000000ff020a0a0000000100816202ff0a009faf61e3\
    a7e48c7f
    """),
  KnownPayload(
    "set in a listpack", "set",
    ["a", "5", "b"],
    """
    140f0f00000003008161020501816202ff0b004ef26a622cc73bba
    """),
  KnownPayload(
    "sorted set with scores as text", "sortedSet",
    ["low", "-inf", "b", "-1.5", "a", "3", "high", "inf"],
    """
    0304016101330162042d312e350468696768fe036c6f77ff0a0099fe6aa34f2338e2
    """),
  KnownPayload(
    "sorted set in a ziplist", "sortedSet",
    ["b", "-1.5", "a", "3"],
    """
    0c191900000016000000040000016203042d312e3506016103f4ff0a00ca51a1ea85940a9b
    """),
  KnownPayload(
    "sorted set from the greatest", "sortedSet",
    ["a", "1", "b", "1", "c", "2"],
    """
    0503016300000000000000400162000000000000f03f0161000000000000f03f0a00fc733e5cffebc9ec
    """),
  KnownPayload(
    "hash in a zipmap", "hash",
    [
      "field", "value", "n", "1", "big",
      "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv",
    ],
    """
    09415303056669656c64050376616c75653f3f3f016e0103313f3f3f03626967fe2c0100000376767676767676767676\
    767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676\
    767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676\
    767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676\
    767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676\
    767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676\
    767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676767676\
    76763f3f3fff0a00bb38e453106074ed
    """),
  KnownPayload(
    "hash in a ziplist", "hash",
    ["field", "value", "n", "1"],
    """
    0d1e1e0000001b000000040000056669656c64070576616c756507016e03f2ff0a001c83b782d6c96282
    """),
  KnownPayload(
    "hash of strings", "hash",
    ["field", "value", "n", "1"],
    """
    0402056669656c640576616c7565016e01310a008dde62d5d990318e
    """),
  KnownPayload(
    "stream of Redis 5", "stream",
    [
      "2", "1", "0", "f", "v", "n", "1", "1", "3", "0", "g", "3", "0", "3", "0", "0", "0", "2", "1", "a", "1",
      "0", "1", "1", "c", "1900000000000", "1900000000000", "1", "d", "1900000000000", "1900000000000", "0",
      "1", "1", "0", "1900000000000", "2", "0", "0", "1", "b", "9", "9", "-1", "0", "0", "1", "7", "0", "0",
      "0", "0", "0", "1", "e", "3", "0", "2", "0", "0", "0",
    ],
    """
    0f0110000000000000000100000000000000003e3e0000001900020101010201816602816e0200010201000100018176\
    020101050103010101050181770202010501000102010001010181670203010601ff0203000401610100010000000000\
    00000100000000000000000038d360ba010000020201630038d360ba0100000100000000000000010000000000000000\
    01640038d360ba010000000162090900000137000000000165030000000900192e857ad3d19a86
    """),
  KnownPayload(
    "stream of Redis 7", "stream",
    [
      "2", "1", "0", "f", "v", "n", "1", "1", "3", "0", "g", "3", "0", "3", "0", "2", "5", "3", "1", "a", "1",
      "0", "1", "1", "c", "1900000000000", "1900000000000", "1", "d", "1900000000000", "1900000000000", "0",
      "1", "1", "0", "1900000000000", "2", "0", "0", "1", "b", "9", "9", "-1", "0", "0", "1", "7", "0", "0",
      "0", "0", "0", "1", "e", "3", "0", "2", "0", "0", "0",
    ],
    """
    130110000000000000000100000000000000003e3e0000001900020101010201816602816e0200010201000100018176\
    020101050103010101050181770202010501000102010001010181670203010601ff0203000100020503040161010001\
    01000000000000000100000000000000000038d360ba010000020201630038d360ba0100000100000000000000010000\
    00000000000001640038d360ba010000000162090981ffffffffffffffff000001370000000000016503000200000a00\
    0f0abd01bb8c5459
    """),
  KnownPayload(
    "stream of Redis 7.2", "stream",
    [
      "2", "1", "0", "f", "v", "n", "1", "1", "3", "0", "g", "3", "0", "3", "0", "2", "5", "3", "1", "a", "1",
      "0", "1", "1", "c", "1900000000000", "1899999999995", "1", "d", "1900000000000", "-1", "0", "1", "1",
      "0", "1900000000000", "2", "0", "0", "1", "b", "9", "9", "-1", "0", "0", "1", "7", "0", "0", "0", "0",
      "0", "1", "e", "3", "0", "2", "0", "0", "0",
    ],
    """
    150110000000000000000100000000000000003e3e0000001900020101010201816602816e0200010201000100018176\
    020101050103010101050181770202010501000102010001010181670203010601ff0203000100020503040161010001\
    01000000000000000100000000000000000038d360ba010000020201630038d360ba010000fb37d360ba010000010000\
    000000000001000000000000000001640038d360ba010000ffffffffffffffff000162090981ffffffffffffffff0000\
    01370000000000016503000200000b0009252e1c8dda660a
    """),
  KnownPayload(
    "hash with times", "hashWithTimes",
    ["a", "1", "1900000000005", "b", "2", "0", "c", "3", "1900000000000"],
    """
    180038d360ba010000030601610131000162013201016301330c00c7c581c10800f5f9
    """),
  KnownPayload(
    "packed hash with times", "hashWithTimes",
    ["c", "3", "1900000000000", "a", "1", "1900000000005", "b", "2", "0"],
    """
    190038d360ba0100002c2c00000009008163020301f40038d360ba010000098161020101f40538d360ba010000098162\
    0202010001ff0c00370ccaae5e6a63dd
    """),
  KnownPayload(
    "hash with absolute times", "hashWithTimes",
    ["a", "1", "1900000000005", "b", "2", "0"],
    """
    160281000001ba60d338050161013100016201320c00654356246ca8bd36
    """),
  KnownPayload(
    "packed hash with times only", "hashWithTimes",
    ["a", "1", "1900000000000", "b", "2", "0"],
    """
    171d1d00000006008161020101f40038d360ba0100000981620202010001ff0c00532c80254711910f
    """),
  KnownPayload(
    "hash with times that are none", "hash",
    ["a", "1", "b", "2"],
    """
    18000000000000000002000161013100016201320c00facd9d12dd19d08d
    """),
]
