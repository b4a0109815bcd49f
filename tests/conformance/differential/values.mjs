// SPDX-License-Identifier: Apache-2.0
// What values of each type are made of: plain ones, ones at the edges, and ones just beyond a rule.

export const STRINGS = ["a", "b", "", "abc", "a*c", "*", "ab\"c", "back\\slash", "ü", "日本", "line\nend", "😀", "a b", "e\u0301", "\u00e9", "r\rn",
  "\0", "\u007f", "\u{10ffff}", "ſ", "ÅÅ", "a.b", "//", "true", "раypal", "x\u202ey", "\u200b", "?principal"];
export const LONGS = ["0", "1", "2", "-1", "7", "100", "9223372036854775807", "-9223372036854775808", "4611686018427387904",
  "-4611686018427387904", "3037000500", "3037000499", "-3037000500", "9007199254740993", "-9223372036854775807", "86400000"];
const IPS = ["10.0.0.1", "10.0.0.1/32", "10.0.0.0/8", "10.0.0.1/24", "127.0.0.1", "127.0.0.0/7", "::1", "::1/127", "ff00::/8", "ff00::/7",
  "224.0.0.1/3", "224.0.0.0/4", "0.0.0.0/0", "::/0", "1:2:3:4:5:6:7:8/64", "::ffff:1", "255.255.255.255", "AbCd::", "1::8", "1:2:3:4:5:6:7::"];
const BAD_IPS = ["10.0.0.01", "10.0.0", "::1/129", "1.2.3.4/", "1.2.3.4/33", "::ffff:1.2.3.4", "1.2.3.4/08", "", "g::", "1::2::3", ":::",
  "1:2:3:4:5:6:7:8:9", "256.0.0.1", " 1.2.3.4", "1.2.3.4 ", "fe80::1%eth0", "12345::", "1.2.3.4/-1", "/32", "::/00",
  "1111:2222:3333:4444:5555:6666:7777:8888/128", "00001::"];
const DECIMALS = ["0.0", "-0.5", "1.0", "1.0000", "-0.0", "922337203685477.5807", "-922337203685477.5808", "12.34", "007.5", "-12.0001", "0.0001", "00.1"];
const BAD_DECIMALS = ["1", "1.", ".5", "1.00000", "+1.0", "922337203685477.5808", "1.0 ", "a.b", "-922337203685477.5809", "--1.0", "1.-1", "1e1.0", "", "-.1",
  "9223372036854775808.0", "99999999999999999999.9999", "1.0.0", "１.0"];
const DATETIMES = ["1970-01-01", "2024-02-29", "2026-11-23T09:00:00Z", "2026-11-23T09:00:00.123Z", "0000-01-01", "9999-12-31T23:59:59.999Z",
  "2024-01-01T00:00:00-0130", "1969-12-31T23:59:59.999+2359", "2000-02-29", "0000-02-29", "0001-01-01T00:00:00+2359", "9999-12-31T23:59:59-2359",
  "2026-11-23T09:00:00.000+0000", "1970-01-01T00:00:00-0000"];
const BAD_DATETIMES = ["2023-02-29", "2024-1-01", "2024-01-01T00:00:00", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00z", "1900-02-29",
  "2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00+01:00", "2024-01-01T00:00:60Z", "2024-00-01", "2024-13-01", "2024-01-00", "2024-04-31", "-001-01-01",
  "12024-01-01", "2024-01-01 00:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:00+2400", "2024-01-01T00:00:00+0060", "2024-01-01Z", "",
  "2024-01-01T00:00:00.1234Z", "2024-01-01t00:00:00Z", "2024-01-01T00:00Z", "20240101", "2024-01-01T00:00:00.123", "+2024-01-01"];
const DURATIONS = ["0ms", "1h", "1d2h3m4s5ms", "-1h30m", "90m", "9223372036854775807ms", "-9223372036854775808ms", "106751991167d", "1d5ms", "007s", "-0d",
  "106751991167d7h12m55s807ms", "-106751991167d7h12m55s808ms", "1h90m"];
const BAD_DURATIONS = ["", "1", "h", "1h1h", "1m1h", "1H", "-", "1.5h", "9223372036854775808ms", "1h -1m", "1ms1s", "--1h", "+1h", " 1h", "1 h", "1d1d",
  "106751991168d", "18446744073709551616ms", "-9223372036854775809ms", "106751991167d7h12m55s808ms", "1s1m", "1us", "18446744073709551615d"];

/* Of each extension type: its constructor, what it takes, what it refuses. */
export const EXTENSIONS = {
  ipaddr: ["ip", IPS, BAD_IPS], decimal: ["decimal", DECIMALS, BAD_DECIMALS],
  datetime: ["datetime", DATETIMES, BAD_DATETIMES], duration: ["duration", DURATIONS, BAD_DURATIONS],
};
const CHARACTERS = "0123456789.:-+TZdhms/ eEax_";

/* A string near the rules of an extension type: one refused, or any with one or two characters changed. */
export function near(r, kind) {
  const [, good, bad] = EXTENSIONS[kind];
  if (r.chance(40)) return r.pick(bad);
  let s = r.pick(r.chance(80) ? good : bad);
  for (let i = 1 + r.below(2); i > 0; i--) {
    const at = r.below(s.length + 1);
    s = s.slice(0, at) + (r.chance(70) ? CHARACTERS[r.below(CHARACTERS.length)] : "") + s.slice(at + r.below(2));
  }
  return s;
}

// First and count of code points of which the scripts are the same in every version of Unicode in use. Combining marks
// are not: since Unicode 15.1 many of them belong to some scripts only.
const BLOCKS = [[0x20, 95], [0x20, 95], [0xa0, 224], [0x376, 2], [0x391, 17], [0x3b1, 25], [0x400, 256], [0x5d0, 27], [0x627, 20], [0x905, 50], [0x3041, 86], [0x30a1, 90],
  [0x4e00, 256], [0xac00, 128], [0x2000, 16], [0x202a, 5], [0x2066, 4], [0x1f600, 60], [0xff21, 26]];

/* Some characters of one or two scripts. */
export function foreign(r) {
  const blocks = [r.pick(BLOCKS), r.pick(BLOCKS)];
  return String.fromCodePoint(...r.times(1 + r.below(4), () => { const [first, count] = r.pick(blocks); return first + r.below(count); }));
}
