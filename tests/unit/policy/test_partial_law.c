/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The law of partial evaluation, over generated policies and requests: whatever
 * part of the request is hidden, filling it in afterwards gives the verdict of
 * the whole request, errors included. Fixed seeds; with and without a schema.
 */
#include "policy/partial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "policy/parse.h"
#include "policy/print.h"
#include "policy/residual.h"

#define CASES 6000
#define DEPTH 4

static const char schema_text[] =
	"entity Group in [Group];"
	"entity User in [Group] = {flag: Bool, level: Long, name: String, boss?: User,"
	"  set: Set<Long>, rec: {a: Long, b?: Bool}} tags String;"
	"entity Photo in [Group] = {flag: Bool, level: Long, name: String, owner: User};"
	"action view in [read] appliesTo {principal: [User], resource: [Photo], context: {"
	"  b: Bool, opt?: Bool, n: Long, m?: Long, s: String, u: User, p: Photo, set: Set<Long>,"
	"  us: Set<User>, rec: {a: Long, b?: Bool, u?: User}, ip: ipaddr, t: datetime,"
	"  d: duration, dec: decimal}};"
	"action read;";

struct gen {
	uint64_t state;
	struct buf *out;
	unsigned wrong; /* of 100: how often something of any kind stands in for the right one */
};

static unsigned pick(struct gen *gen, unsigned count)
{
	gen->state ^= gen->state << 13;
	gen->state ^= gen->state >> 7;
	gen->state ^= gen->state << 17;
	return (unsigned)((gen->state >> 11) % count);
}

static void put(struct gen *gen, const char *text)
{
	assert_int_equal(buf_append(gen->out, str_from_c(text)), OK);
}

static void put_one(struct gen *gen, const char *const *texts, size_t count)
{
	put(gen, texts[pick(gen, (unsigned)count)]);
}

#define PUT_ONE(gen, ...)                                                                          \
	put_one((gen), (const char *const[]){__VA_ARGS__},                                         \
		ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static void gen_bool(struct gen *gen, unsigned depth);
static void gen_long(struct gen *gen, unsigned depth);
static void gen_string(struct gen *gen, unsigned depth);
static void gen_entity(struct gen *gen, unsigned depth);
static void gen_set(struct gen *gen, unsigned depth);
static void gen_record(struct gen *gen, unsigned depth);

static void gen_any(struct gen *gen, unsigned depth)
{
	switch (pick(gen, 7)) {
	case 0: gen_bool(gen, depth); break;
	case 1: gen_long(gen, depth); break;
	case 2: gen_string(gen, depth); break;
	case 3: gen_entity(gen, depth); break;
	case 4: gen_set(gen, depth); break;
	case 5: gen_record(gen, depth); break;
	default: PUT_ONE(gen, "context.ip", "context.t", "context.d", "context.dec", "context");
	}
}

/* True: something of another kind was put. */
static bool gen_wrong(struct gen *gen, unsigned depth)
{
	if (depth == 0 || pick(gen, 100) >= gen->wrong)
		return false;
	gen_any(gen, depth - 1);
	return true;
}

static void gen_if(struct gen *gen, unsigned depth, void (*gen_branch)(struct gen *, unsigned))
{
	put(gen, "(if ");
	gen_bool(gen, depth - 1);
	put(gen, " then ");
	gen_branch(gen, depth - 1);
	put(gen, " else ");
	gen_branch(gen, depth - 1);
	put(gen, ")");
}

static void gen_pair(struct gen *gen, unsigned depth, const char *between,
		     void (*gen_part)(struct gen *, unsigned))
{
	put(gen, "(");
	gen_part(gen, depth - 1);
	put(gen, between);
	gen_part(gen, depth - 1);
	put(gen, ")");
}

static void gen_long(struct gen *gen, unsigned depth)
{
	if (gen_wrong(gen, depth))
		return;
	switch (depth == 0 ? 0 : pick(gen, 7)) {
	case 1: gen_pair(gen, depth, " + ", gen_long); break;
	case 2: gen_pair(gen, depth, " - ", gen_long); break;
	case 3: gen_pair(gen, depth, " * ", gen_long); break;
	case 4: gen_if(gen, depth, gen_long); break;
	case 5:
		put(gen, "-(1 * ");
		gen_long(gen, depth - 1);
		put(gen, ")");
		break;
	case 6:
		gen_entity(gen, depth - 1);
		put(gen, ".level");
		break;
	default:
		PUT_ONE(gen, "0", "1", "2", "9223372036854775807", "context.n", "context.m",
			"principal.level", "resource.level", "context.rec.a", "context.u.level",
			"principal.rec.a", "context.d.toSeconds()", "{a: context.n, b: 1}.a");
	}
}

static void gen_string(struct gen *gen, unsigned depth)
{
	if (gen_wrong(gen, depth))
		return;
	if (depth > 0 && pick(gen, 5) == 0)
		gen_if(gen, depth, gen_string);
	else
		PUT_ONE(gen, "\"ana\"", "\"x\"", "context.s", "principal.name", "resource.name",
			"context.u.name", "principal.getTag(\"t\")", "context.u.getTag(context.s)");
}

static void gen_entity(struct gen *gen, unsigned depth)
{
	if (gen_wrong(gen, depth))
		return;
	if (depth > 0 && pick(gen, 6) == 0)
		gen_if(gen, depth, gen_entity);
	else
		PUT_ONE(gen, "principal", "resource", "action", "context.u", "context.p",
			"User::\"ana\"", "User::\"bob\"", "Group::\"g1\"", "Group::\"g2\"",
			"Photo::\"p1\"", "principal.boss", "resource.owner", "context.rec.u",
			"User::\"cyd\".boss", "Action::\"read\"");
}

static void gen_set(struct gen *gen, unsigned depth)
{
	if (gen_wrong(gen, depth))
		return;
	switch (depth == 0 ? 0 : pick(gen, 4)) {
	case 1:
		put(gen, "[");
		gen_long(gen, depth - 1);
		put(gen, ", ");
		gen_long(gen, depth - 1);
		put(gen, "]");
		break;
	case 2:
		put(gen, "[");
		gen_entity(gen, depth - 1);
		put(gen, ", ");
		gen_entity(gen, depth - 1);
		put(gen, "]");
		break;
	default:
		PUT_ONE(gen, "[]", "[1, 2]", "context.set", "context.us", "principal.set",
			"[context.n, 1]", "[principal, Group::\"g1\"]");
	}
}

static void gen_record(struct gen *gen, unsigned depth)
{
	if (gen_wrong(gen, depth))
		return;
	if (depth > 0 && pick(gen, 2) == 0) {
		put(gen, "{a: ");
		gen_long(gen, depth - 1);
		put(gen, ", b: ");
		gen_bool(gen, depth - 1);
		put(gen, "}");
	} else {
		PUT_ONE(gen, "context.rec", "principal.rec", "context", "{}");
	}
}

static void gen_question(struct gen *gen, unsigned depth)
{
	static const char *const orders[] = {" < ", " <= ", " > ", " >= "};

	put(gen, "(");
	switch (pick(gen, 9)) {
	case 0:
		gen_any(gen, depth);
		put(gen, pick(gen, 2) == 0 ? " == " : " != ");
		gen_any(gen, depth);
		break;
	case 1:
		gen_entity(gen, depth);
		put(gen, " in ");
		if (pick(gen, 2) == 0)
			gen_entity(gen, depth);
		else
			gen_set(gen, depth);
		break;
	case 2:
		gen_string(gen, depth);
		put(gen, " like ");
		PUT_ONE(gen, "\"*a*\"", "\"ana\"", "\"*\"");
		break;
	case 3:
		gen_entity(gen, depth);
		PUT_ONE(gen, " is User", " is Photo", " is User in Group::\"g2\"",
			" is User in context.u", " is Group in resource.level");
		break;
	case 4:
		gen_any(gen, depth);
		PUT_ONE(gen, " has flag", " has boss.level", " has b", " has rec.a", " has opt",
			" has nothing", " has rec.u.name", " has u.boss.name", " has p.flag.x");
		break;
	case 5:
		PUT_ONE(gen, "context", "principal", "resource");
		PUT_ONE(gen, " has opt", " has m", " has b", " has rec.b", " has rec.u.flag",
			" has u.flag", " has nothing", " has boss.rec.a", " has s.x");
		break;
	case 6:
		gen_set(gen, depth);
		put(gen, ".contains");
		PUT_ONE(gen, "(", "(", "All(", "Any(");
		gen_any(gen, depth);
		put(gen, ")");
		break;
	case 7:
		gen_set(gen, depth);
		put(gen, ".isEmpty()");
		break;
	default:
		gen_long(gen, depth);
		put_one(gen, orders, ARRAY_LEN(orders));
		gen_long(gen, depth);
	}
	put(gen, ")");
}

static void gen_bool(struct gen *gen, unsigned depth)
{
	if (gen_wrong(gen, depth))
		return;
	switch (depth == 0 ? 0 : pick(gen, 9)) {
	case 1:
	case 2: gen_pair(gen, depth, " && ", gen_bool); break;
	case 3:
	case 4: gen_pair(gen, depth, " || ", gen_bool); break;
	case 5: gen_if(gen, depth, gen_bool); break;
	case 6:
		PUT_ONE(gen, "!(", "!!(", "!!!(");
		gen_bool(gen, depth - 1);
		put(gen, ")");
		break;
	case 7:
	case 8: gen_question(gen, depth - 1); break;
	default:
		PUT_ONE(gen, "true", "false", "context.b", "context.opt", "principal.flag",
			"resource.flag", "context.rec.b", "context.u.flag", "principal.missing",
			"context.ip.isInRange(ip(\"10.0.0.0/8\"))", "ip(context.s).isIpv4()",
			"(context.t < datetime(\"2026-01-01\"))", "principal.hasTag(\"t\")",
			"(context.t.offset(context.d).toTime() >= context.d)",
			"context.dec.lessThan(decimal(\"1.5\"))", "context.u.hasTag(context.s)",
			"(context.rec == {a: 1})", "(resource.owner == principal)");
	}
}

static void gen_policy(struct gen *gen)
{
	PUT_ONE(gen, "permit", "forbid");
	put(gen, "(");
	PUT_ONE(gen, "principal", "principal", "principal == User::\"ana\"",
		"principal in Group::\"g2\"", "principal is User",
		"principal is User in Group::\"g1\"", "principal is Photo");
	put(gen, ", ");
	PUT_ONE(gen, "action", "action == Action::\"view\"", "action in Action::\"read\"",
		"action in [Action::\"read\", Action::\"x\"]");
	put(gen, ", ");
	PUT_ONE(gen, "resource", "resource", "resource == Photo::\"p1\"",
		"resource in Group::\"g2\"", "resource is Photo");
	put(gen, ")");
	for (unsigned i = pick(gen, 3); i < 3; i++) {
		put(gen, pick(gen, 3) == 0 ? " unless { " : " when { ");
		gen_bool(gen, DEPTH);
		put(gen, " }");
	}
	put(gen, ";");
}

/* Entities whose attributes are drawn anew for each store. */
static void gen_user(struct gen *gen, const char *id)
{
	put(gen, "{\"uid\":{\"type\":\"User\",\"id\":\"");
	put(gen, id);
	put(gen, "\"},\"attrs\":{\"flag\":");
	PUT_ONE(gen, "true", "false");
	put(gen, ",\"level\":");
	PUT_ONE(gen, "0", "1", "9223372036854775807");
	put(gen, ",\"name\":");
	PUT_ONE(gen, "\"ana\"", "\"x\"");
	PUT_ONE(gen, "", ",\"boss\":{\"__entity\":{\"type\":\"User\",\"id\":\"ana\"}}",
		",\"boss\":{\"__entity\":{\"type\":\"User\",\"id\":\"bob\"}}",
		",\"boss\":{\"__entity\":{\"type\":\"User\",\"id\":\"nobody\"}}");
	put(gen, ",\"set\":");
	PUT_ONE(gen, "[]", "[1]", "[1,2]");
	put(gen, ",\"rec\":");
	PUT_ONE(gen, "{\"a\":1}", "{\"a\":0,\"b\":true}");
	put(gen, "},\"tags\":");
	PUT_ONE(gen, "{}", "{\"t\":\"ana\"}", "{\"x\":\"x\"}");
	put(gen, ",\"parents\":[");
	PUT_ONE(gen, "", "{\"type\":\"Group\",\"id\":\"g1\"}",
		"{\"type\":\"Group\",\"id\":\"g3\"}");
	put(gen, "]}");
}

static void gen_photo(struct gen *gen, const char *id)
{
	put(gen, "{\"uid\":{\"type\":\"Photo\",\"id\":\"");
	put(gen, id);
	put(gen, "\"},\"attrs\":{\"flag\":");
	PUT_ONE(gen, "true", "false");
	put(gen, ",\"level\":");
	PUT_ONE(gen, "0", "1", "2");
	put(gen, ",\"name\":");
	PUT_ONE(gen, "\"ana\"", "\"x\"");
	put(gen, ",\"owner\":");
	PUT_ONE(gen, "{\"__entity\":{\"type\":\"User\",\"id\":\"ana\"}}",
		"{\"__entity\":{\"type\":\"User\",\"id\":\"bob\"}}");
	put(gen, "},\"parents\":[");
	PUT_ONE(gen, "", "{\"type\":\"Group\",\"id\":\"g1\"}");
	put(gen, "]}");
}

static struct str gen_context(struct gen *gen, struct buf *out)
{
	struct buf *before = gen->out;
	struct str text;

	gen->out = out;
	buf_reset(out);
	PUT_ONE(gen, "{\"b\":true", "{\"b\":false");
	PUT_ONE(gen, "", ",\"opt\":true", ",\"opt\":false");
	PUT_ONE(gen, ",\"n\":0", ",\"n\":1", ",\"n\":9223372036854775807");
	PUT_ONE(gen, "", ",\"m\":1");
	PUT_ONE(gen, ",\"s\":\"ana\"", ",\"s\":\"t\"", ",\"s\":\"10.0.0.1\"");
	PUT_ONE(gen, ",\"u\":{\"__entity\":{\"type\":\"User\",\"id\":\"ana\"}}",
		",\"u\":{\"__entity\":{\"type\":\"User\",\"id\":\"bob\"}}",
		",\"u\":{\"__entity\":{\"type\":\"User\",\"id\":\"nobody\"}}");
	put(gen, ",\"p\":{\"__entity\":{\"type\":\"Photo\",\"id\":\"p1\"}}");
	PUT_ONE(gen, ",\"set\":[]", ",\"set\":[1,2]", ",\"set\":[0]");
	PUT_ONE(gen, ",\"us\":[]", ",\"us\":[{\"__entity\":{\"type\":\"User\",\"id\":\"ana\"}}]");
	PUT_ONE(gen, ",\"rec\":{\"a\":1}", ",\"rec\":{\"a\":0,\"b\":true}",
		",\"rec\":{\"a\":1,\"u\":{\"__entity\":{\"type\":\"User\",\"id\":\"cyd\"}}}");
	PUT_ONE(gen, ",\"ip\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"10.1.2.3\"}}",
		",\"ip\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"::1\"}}");
	put(gen, ",\"t\":{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2026-11-23\"}}"
		 ",\"d\":{\"__extn\":{\"fn\":\"duration\",\"arg\":\"7h\"}}"
		 ",\"dec\":{\"__extn\":{\"fn\":\"decimal\",\"arg\":\"1.25\"}}}");
	gen->out = before;
	text = buf_str(out);
	return text;
}

/* Cyd may be below ana, so that a user is below an open one; not with a schema. */
static struct entity_store *gen_store(struct gen *gen, const struct schema *schema, uint64_t ana,
				      uint64_t users, uint64_t photos)
{
	static const char *const groups =
		"{\"uid\":{\"type\":\"Group\",\"id\":\"g1\"},\"attrs\":{},"
		"\"parents\":[{\"type\":\"Group\",\"id\":\"g2\"}]},"
		"{\"uid\":{\"type\":\"Group\",\"id\":\"g2\"},\"attrs\":{},\"parents\":[]}";
	struct entity_store *store = entity_store_new(NULL);
	uint64_t state = gen->state;
	struct diag diag = {.text = ""};
	struct buf *before = gen->out;
	struct buf text;

	buf_init(&text, 1 << 16);
	gen->out = &text;
	put(gen, "[");
	gen->state = ana;
	gen_user(gen, "ana");
	gen->state = users;
	put(gen, ",");
	gen_user(gen, "bob");
	put(gen, ",");
	gen_user(gen, "cyd");
	put(gen, ",");
	gen->state = photos;
	gen_photo(gen, "p1");
	put(gen, ",");
	put(gen, groups);
	if (schema == NULL)
		put(gen, ",{\"uid\":{\"type\":\"Action\",\"id\":\"view\"},\"attrs\":{},"
			 "\"parents\":[{\"type\":\"Action\",\"id\":\"read\"}]},"
			 "{\"uid\":{\"type\":\"Group\",\"id\":\"below\"},\"attrs\":{},"
			 "\"parents\":[{\"type\":\"User\",\"id\":\"ana\"}]}");
	put(gen, "]");
	if (schema != NULL)
		assert_int_equal(entity_store_add_actions(store, schema, &diag), OK);
	if (entity_store_load_json(store, "store", buf_str(&text), schema, &diag) != OK)
		print_message("# %s: %.*s\n", diag.text, (int)text.len, text.ptr);
	assert_int_equal(entity_store_freeze(store, &diag), OK);
	buf_fini(&text);
	gen->out = before;
	gen->state = state;
	return store;
}

struct law {
	struct gen gen;
	struct buf text;
	struct buf context;
	const struct schema *schema;
	struct arena arena;
	size_t verdicts[4];
	size_t total; /* residuals that cannot err */
};

static enum eval_verdict verdict_of(struct eval *eval, const struct expr *expr)
{
	struct value value;

	if (!eval_expr(eval, expr, &value) || value.kind != VALUE_BOOL)
		return EVAL_ERROR;
	return value.boolean ? EVAL_SATISFIED : EVAL_UNSATISFIED;
}

static void check_negated(struct law *law, struct eval *eval, const struct expr *expr)
{
	const struct expr *negated = residual_negate(&law->arena, expr);
	enum eval_verdict verdict = verdict_of(eval, expr);
	enum eval_verdict opposite = verdict_of(eval, negated);

	if (verdict == EVAL_ERROR)
		assert_int_equal(opposite, EVAL_ERROR);
	else
		assert_int_equal(opposite,
				 verdict == EVAL_SATISFIED ? EVAL_UNSATISFIED : EVAL_SATISFIED);
}

/* What is shown to people is the residual: printed and read again it says the same. */
static void check_printed(struct law *law, struct eval *eval, const struct expr *expr)
{
	struct diag diag = {.text = ""};
	struct parse parse;
	struct buf text;
	const struct expr *back;

	buf_init(&text, 1 << 20);
	assert_int_equal(print_expr(&text, expr), OK);
	parse_init(&parse, "printed", buf_str(&text), &law->arena, &diag);
	parse.max_elements = 100;
	back = parse_expr(&parse);
	if (diag.text[0] != '\0')
		print_message("# %.*s: %s\n", (int)text.len, text.ptr, diag.text);
	assert_string_equal(diag.text, "");
	assert_int_equal(verdict_of(eval, back), verdict_of(eval, expr));
	buf_fini(&text);
}

static void compare(struct law *law, struct eval *eval, enum eval_verdict want,
		    const struct partial_result *got)
{
	static const enum eval_verdict plain[] = {
		[PARTIAL_FALSE] = EVAL_UNSATISFIED,
		[PARTIAL_TRUE] = EVAL_SATISFIED,
		[PARTIAL_ERROR] = EVAL_ERROR,
	};
	bool is_open = got->verdict == PARTIAL_RESIDUAL;
	enum eval_verdict verdict = is_open ? verdict_of(eval, got->expr) : plain[got->verdict];

	law->verdicts[got->verdict]++;
	if (verdict != want || (want == EVAL_ERROR && is_open && !got->may_err) ||
	    (want == EVAL_SATISFIED && is_open && got->is_never_true))
		print_message("# %.*s\n# %.*s\n# want %d, got %d from %d\n", (int)law->text.len,
			      law->text.ptr, (int)law->context.len, law->context.ptr, (int)want,
			      (int)verdict, (int)got->verdict);
	assert_int_equal(verdict, want);
	if (!is_open)
		return;
	law->total += got->may_err ? 0U : 1U;
	assert_true(got->may_err || want != EVAL_ERROR);
	assert_true(!got->is_never_true || want != EVAL_SATISFIED);
	check_negated(law, eval, got->expr);
	check_printed(law, eval, got->expr);
}

/* Some attributes are known, the others are not; or, without a schema, simply not said. */
static void hide_context(struct law *law, struct value whole, struct partial_request *request)
{
	const struct value_record *record = whole.record;
	struct text *keys = arena_array(&law->arena, record->count, sizeof(*keys));
	struct value *values = arena_array(&law->arena, record->count, sizeof(*values));
	struct partial_unknown *unknowns =
		arena_array(&law->arena, record->count + 2, sizeof(*unknowns));
	unsigned percent = (unsigned[]){0, 50, 100}[pick(&law->gen, 3)];
	size_t known = 0;
	size_t unknown = 0;

	for (size_t i = 0; i < record->count; i++) {
		if (pick(&law->gen, 100) < percent) {
			unknowns[unknown++] =
				(struct partial_unknown){.name = *record->fields[i].key,
							 .may_be_absent = pick(&law->gen, 2) == 0};
			continue;
		}
		keys[known] = *record->fields[i].key;
		values[known++] = record->fields[i].value;
	}
	request->context = value_record(&law->arena, keys, values, known);
	if (law->schema != NULL) {
		assert_true(partial_open_context(request, law->schema, &law->arena));
		return;
	}
	request->unknown_count = unknown;
	request->unknowns = unknowns;
	if (unknown > 0 && pick(&law->gen, 2) == 0) {
		request->is_context_open = true;
		request->unknown_count = pick(&law->gen, (unsigned)unknown);
	}
}

static void hide_entity(struct law *law, const struct uid *uid, struct partial_entity *out)
{
	*out = (struct partial_entity){.uid = uid};
	switch (pick(&law->gen, 4)) {
	case 0: out->is_open = true; break;
	case 1: *out = (struct partial_entity){.type = uid->type}; break;
	case 2:
		if (pick(&law->gen, 4) == 0)
			*out = (struct partial_entity){.uid = NULL};
		break;
	default: break;
	}
}

static bool is_open(const struct partial_entity *entity)
{
	return entity->uid == NULL || entity->is_open;
}

/* The store of the whole request differs where the partial one may not look. */
static void run_case(struct law *law)
{
	struct policy_source source = {.file = "case"};
	struct uid principal = uid_make(STR("User"), pick(&law->gen, 2) ? STR("ana") : STR("eve"));
	struct uid action = uid_make(STR("Action"), STR("view"));
	struct uid resource = uid_make(STR("Photo"), STR("p1"));
	struct policy_request request = {
		.principal = &principal, .action = &action, .resource = &resource};
	struct partial_request known = {.action = {.uid = &action}};
	uint64_t users = law->gen.state + 1, photos = law->gen.state + 2;
	struct entity_store *store, *whole;
	struct partial_result result;
	struct policy_set *set;
	struct partial partial;
	struct eval eval;
	struct diag diag = {.text = ""};
	bool is_other;

	buf_reset(&law->text);
	gen_policy(&law->gen);
	source.text = buf_str(&law->text);
	if (policy_set_load(&source, 1, NULL, &set, &diag) != OK)
		print_message("# %s: %.*s\n", diag.text, (int)law->text.len, law->text.ptr);
	assert_string_equal(diag.text, "");
	assert_int_equal(entity_context_json(&law->arena, "context",
					     gen_context(&law->gen, &law->context), NULL, NULL,
					     &request.context, &diag),
			 OK);
	hide_entity(law, &principal, &known.principal);
	hide_entity(law, &resource, &known.resource);
	if (law->schema == NULL && pick(&law->gen, 8) == 0)
		known.action = (struct partial_entity){.type = STR("Action")};
	hide_context(law, request.context, &known);
	store = gen_store(&law->gen, law->schema, users, users + 9, photos);
	is_other = known.principal.uid == NULL ||
		   (known.principal.is_open && str_eq(principal.id, STR("ana")));
	whole = gen_store(&law->gen, law->schema, is_other ? users * 3 : users,
			  known.principal.uid == NULL ? users * 5 : users + 9,
			  is_open(&known.resource) ? photos * 3 : photos);
	assert_true(eval_init(&eval, whole, &request, &law->arena));
	assert_true(partial_init(&partial, store, law->schema, &known, &law->arena));
	assert_int_equal(partial_policy(&partial, policy_set_at(set, 0), &result), OK);
	compare(law, &eval, eval_policy(&eval, policy_set_at(set, 0)), &result);
	arena_reset(&law->arena);
	entity_store_free(store);
	entity_store_free(whole);
	policy_set_free(set);
}

static void run_law(const struct schema *schema, unsigned wrong, uint64_t seed)
{
	struct law law = {.gen = {.state = seed, .wrong = wrong}, .schema = schema};

	buf_init(&law.text, 1 << 20);
	buf_init(&law.context, 1 << 16);
	law.gen.out = &law.text;
	arena_init(&law.arena, 1 << 16, 64 << 20);
	for (size_t i = 0; i < CASES; i++)
		run_case(&law);
	print_message("# false %zu, true %zu, error %zu, residual %zu, of them total %zu\n",
		      law.verdicts[PARTIAL_FALSE], law.verdicts[PARTIAL_TRUE],
		      law.verdicts[PARTIAL_ERROR], law.verdicts[PARTIAL_RESIDUAL], law.total);
	for (size_t i = 0; i < ARRAY_LEN(law.verdicts); i++)
		assert_true(law.verdicts[i] > CASES / 200);
	arena_fini(&law.arena);
	buf_fini(&law.text);
	buf_fini(&law.context);
}

static void test_partial_law__holds_without_types(void **state)
{
	(void)state;
	run_law(NULL, 8, 0x9e3779b97f4a7c15);
}

static void test_partial_law__holds_with_a_schema(void **state)
{
	struct schema *schema;
	struct diag diag = {.text = ""};

	(void)state;
	if (schema_load("schema", str_from_c(schema_text), &schema, &diag) != OK)
		print_message("# %s\n", diag.text);
	run_law(schema, 3, 0xd1b54a32d192ed03);
	schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partial_law__holds_without_types),
		cmocka_unit_test(test_partial_law__holds_with_a_schema),
	};

	return cmocka_run_group_tests_name("partial_law", tests, NULL, NULL);
}
