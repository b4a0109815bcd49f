// SPDX-License-Identifier: Apache-2.0
// Text of Cedar: names, strings with their escapes, and damage done to whole texts.

const IDENT = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const RESERVED = new Set(["true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"]);
const BLANKS = ["\t", "\n", "\r\n", "\u00a0", "\u2028", "\u3000", "\f", "\v", "\u0085", "  "];
const COMMENTS = ["//\n", "// one \" two\n", "// */ ;\n", "//é\u202e\n", "///\r\n"];

export const isName = (s) => IDENT.test(s) && !RESERVED.has(s);

function escaped(r, c) {
  const hex = c.codePointAt(0).toString(16);
  const forms = [`\\u{${hex}}`, `\\u{${hex.padStart(6, "0")}}`, `\\u{${hex.toUpperCase()}}`];
  if (hex.length > 1) forms.push(`\\u{${hex[0]}_${hex.slice(1)}}`);
  if (c.codePointAt(0) < 0x80) forms.push(`\\x${hex.padStart(2, "0")}`);
  return r.pick(forms);
}

/* A string literal; with r, some of its characters as escapes that need not be. */
export function quote(s, r) {
  const odd = r !== undefined && r.chance(6);
  let out = "\"";
  for (const c of s) {
    if (odd && r.chance(40)) out += escaped(r, c);
    else if (c === "\"" || c === "\\") out += "\\" + c;
    else if (c === "\n") out += odd ? "\n" : "\\n";
    else if (c === "\0") out += "\\0";
    else out += c === "\r" ? "\\r" : c;
  }
  return out + "\"";
}

export const key = (s, r) => isName(s) ? s : quote(s, r);
export const uidText = (uid, r) => `${uid.type}::${quote(uid.id, r)}`;

const TOKENS = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\w+|\s+|::|&&|\|\||[=!<>]=|./gsu;
const NOISE = ["(", ")", "{", "}", "[", "]", ",", ";", "::", ".", "==", "&&", "||", "!", "-", "+", "*", "/", "%", "<", ">=", "!=",
  "in", "has", "like", "is", "if", "then", "else", "when", "unless", "permit", "forbid", "principal", "resource", "context",
  "?principal", "?resource", "?context", "action", "\"", "\\", "\"\\u{d800}\"", "\"\\u{110000}\"", "\"\\x80\"", "\"\\x7f\"",
  "\"\\u{}\"", "\"\\u{_1}\"", "\"\\u{1_}\"", "\"\\u{0000041}\"", "\"\\'\"", "\"\\\n\"", "\"\\q\"", "'", "1", "01", "0x1", "1_0", "9223372036854775807",
  "9223372036854775808", "18446744073709551615", "18446744073709551616", "\u00a0", "\u2028", "\ufeff", "\0", "//", "/*", "*/", "@", "@id", "@id(\"x\")",
  "true", "false", "__cedar", "__cedar::Long", "Set", "Set<Long>", "Bool", "Boolean", "Record", "entity", "type", "namespace", "attributes",
  "?", ":", "=", "|", "&", "<", "<<", "tags", "enum", "Action", "Extension", "in [", "\r", "é", "contains", "isEmpty()", "getTag(\"a\")",
  "ip(\"1.2.3.4\")", "decimal(\"1.0\")", "decimal()", ".ip()", "[]", "{}", "()", "{a: 1, a: 2}", "if true then 1 else 2", "!!!!!", "-----", "!-1", "-!true",
  "\"a\" like \"b\"", "principal is User in", "has a.b", "has \"a\".b", "has if", "= 1", "~", "#", "^", "$", "`", "null"];

export const tokensOf = (text) => text.match(TOKENS) ?? [];

/* One to three tokens taken out, doubled, moved, swapped or put in. */
export function damage(r, text) {
  const tokens = tokensOf(text);
  for (let i = 1 + r.below(3); i > 0; i--) {
    const at = r.below(tokens.length + 1);
    switch (r.below(6)) {
      case 0: tokens.splice(at, 1); break;
      case 1: tokens.splice(at, 0, tokens[at] ?? ""); break;
      case 2: tokens.splice(at, 1, r.pick(NOISE)); break;
      case 3: tokens.splice(at, 0, r.pick(tokens)); break;
      case 4: tokens.splice(at, 1, r.pick(tokens)); break;
      default: tokens.splice(at, 0, r.pick(NOISE));
    }
  }
  return tokens.join("");
}

/* The same text with other blanks, and comments, between its tokens. */
export function respace(r, text) {
  return tokensOf(text).map((t) => {
    if (t.startsWith("//") || !r.chance(10)) return t;
    return t + (r.chance(60) ? r.pick(BLANKS) : r.pick(COMMENTS));
  }).join("");
}
