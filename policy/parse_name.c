/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   name = a word that is not reserved
 *   path = name {"::" name}
 *   uid  = path "::" string
 */
#include "policy/parse.h"

static const struct uid uid_broken = {.type = {"", 0}, .id = {"", 0}};

struct str parse_name(struct parse *p, const char *what, const char *instead)
{
	struct token token = p->lex.token;
	struct str name;

	if (token.kind != TOKEN_IDENT) {
		lex_fail_expected(&p->lex, what);
		return STR("");
	}
	if (lex_is_reserved(token.text)) {
		lex_fail(&p->lex, ERR_MALFORMED, token.at,
			 "expected %s, but `" STR_FMT "` is a reserved word%s", what,
			 STR_ARG(token.text), instead);
		return STR("");
	}
	name = arena_str(p->lex.arena, token.text);
	if (!str_is_set(name)) {
		lex_fail_memory(&p->lex);
		return STR("");
	}
	lex_advance(&p->lex);
	return name;
}

struct str parse_path_rest(struct parse *p, struct str path, bool *out_is_uid)
{
	*out_is_uid = false;
	while (!*out_is_uid && lex_take(&p->lex, TOKEN_PATH)) {
		if (p->lex.token.kind == TOKEN_STRING) {
			*out_is_uid = true;
			continue;
		}
		path = arena_concat(p->lex.arena, path, STR("::"));
		path = arena_concat(p->lex.arena, path, parse_name(p, "a part of a path", ""));
		if (arena_has_overflowed(p->lex.arena))
			lex_fail_memory(&p->lex);
	}
	return p->lex.err == OK ? path : STR("");
}

struct str parse_path(struct parse *p)
{
	bool is_uid;
	struct str path = parse_path_rest(p, parse_name(p, "an entity type", ""), &is_uid);

	if (is_uid)
		lex_fail_expected(&p->lex, "a part of a path");
	return path;
}

const struct uid *parse_uid_rest(struct parse *p, struct str type)
{
	struct token token = p->lex.token;
	struct uid *uid;

	lex_expect(&p->lex, TOKEN_STRING, "an entity such as Type::\"id\"");
	uid = arena_alloc(p->lex.arena, sizeof(*uid));
	if (uid == NULL)
		lex_fail_memory(&p->lex);
	if (p->lex.err != OK)
		return &uid_broken;
	*uid = uid_make(type, lex_string(&p->lex, &token));
	return uid;
}

const struct uid *parse_uid(struct parse *p)
{
	struct str type = parse_name(p, "an entity such as Type::\"id\"", "");
	bool is_uid;

	type = parse_path_rest(p, type, &is_uid);
	if (!is_uid)
		lex_fail_expected(&p->lex, "`::` and the id in quotes");
	return parse_uid_rest(p, type);
}
