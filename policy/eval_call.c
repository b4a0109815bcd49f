/* SPDX-License-Identifier: Apache-2.0 */
/* Methods and constructors. A wrong count of arguments is an error when run, as the language has
 * it for extension types; the parser has checked the core methods. */
#include "policy/eval.h"
#include "policy/ext.h"

static bool call_contains(struct eval *e, enum fn_id fn, struct value receiver, struct value arg,
			  bool *out)
{
	size_t hits = 0;

	if (!eval_expect(e, receiver, VALUE_SET))
		return false;
	if (fn == FN_CONTAINS) {
		*out = value_set_has(receiver.set, arg);
		return true;
	}
	if (!eval_expect(e, arg, VALUE_SET))
		return false;
	for (size_t i = 0; i < arg.set->count; i++)
		hits += value_set_has(receiver.set, arg.set->items[i]) ? 1U : 0U;
	*out = fn == FN_CONTAINS_ALL ? hits == arg.set->count : hits > 0;
	return true;
}

static bool call_tag(struct eval *e, enum fn_id fn, struct value receiver, struct value arg,
		     struct value *out)
{
	const struct entity *entity;
	struct value tag;
	char uid[300];

	if (!eval_expect(e, receiver, VALUE_ENTITY) || !eval_expect(e, arg, VALUE_STRING))
		return false;
	entity = eval_entity(e, receiver.uid);
	tag = entity == NULL ? value_none() : value_record_get(entity->tags, arg.text);
	*out = fn == FN_HAS_TAG ? value_bool(tag.kind != VALUE_NONE) : tag;
	if (out->kind != VALUE_NONE)
		return true;
	return eval_fail(e, "entity %s %s", entity_uid_text(receiver.uid, uid, sizeof(uid)),
			 entity == NULL ? "does not exist" : "has no such tag");
}

static bool call_ip(struct eval *e, enum fn_id fn, struct value receiver, struct value arg,
		    bool *out)
{
	if (!eval_expect(e, receiver, VALUE_IP))
		return false;
	switch ((unsigned)fn) {
	case FN_IS_IPV4: *out = !receiver.ip->is_v6; return true;
	case FN_IS_IPV6: *out = receiver.ip->is_v6; return true;
	case FN_IS_LOOPBACK: *out = ext_ip_is_loopback(receiver.ip); return true;
	case FN_IS_MULTICAST: *out = ext_ip_is_multicast(receiver.ip); return true;
	default: break;
	}
	if (!eval_expect(e, arg, VALUE_IP))
		return false;
	*out = ext_ip_is_in_range(receiver.ip, arg.ip);
	return true;
}

static bool call_decimal(struct eval *e, enum fn_id fn, struct value receiver, struct value arg,
			 bool *out)
{
	int64_t a = receiver.number;
	int64_t b = arg.number;

	if (!eval_expect(e, receiver, VALUE_DECIMAL) || !eval_expect(e, arg, VALUE_DECIMAL))
		return false;
	switch ((unsigned)fn) {
	case FN_LESS_THAN: *out = a < b; break;
	case FN_LESS_THAN_OR_EQUAL: *out = a <= b; break;
	case FN_GREATER_THAN: *out = a > b; break;
	default: *out = a >= b; break;
	}
	return true;
}

static bool call_datetime(struct eval *e, enum fn_id fn, struct value receiver, struct value arg,
			  struct value *out)
{
	int64_t n = 0;
	bool is_overflow = false;

	if (!eval_expect(e, receiver, VALUE_DATETIME))
		return false;
	if (fn == FN_OFFSET && !eval_expect(e, arg, VALUE_DURATION))
		return false;
	if (fn == FN_DURATION_SINCE && !eval_expect(e, arg, VALUE_DATETIME))
		return false;
	switch ((unsigned)fn) {
	case FN_OFFSET:
		is_overflow = __builtin_add_overflow(receiver.number, arg.number, &n);
		break;
	case FN_DURATION_SINCE:
		is_overflow = __builtin_sub_overflow(receiver.number, arg.number, &n);
		break;
	case FN_TO_DATE: is_overflow = !ext_datetime_to_date(receiver.number, &n); break;
	default: n = ext_datetime_to_time(receiver.number); break;
	}
	if (is_overflow)
		return eval_fail(e, "datetime overflow");
	*out = fn == FN_OFFSET || fn == FN_TO_DATE ? value_datetime_ms(n) : value_duration_ms(n);
	return true;
}

static bool call_duration(struct eval *e, enum fn_id fn, struct value receiver, struct value *out)
{
	static const int32_t unit_ms[] = {
		[FN_TO_MILLISECONDS - FN_TO_MILLISECONDS] = 1,
		[FN_TO_SECONDS - FN_TO_MILLISECONDS] = 1000,
		[FN_TO_MINUTES - FN_TO_MILLISECONDS] = 60000,
		[FN_TO_HOURS - FN_TO_MILLISECONDS] = 3600000,
		[FN_TO_DAYS - FN_TO_MILLISECONDS] = 86400000,
	};

	if (!eval_expect(e, receiver, VALUE_DURATION))
		return false;
	*out = value_long(receiver.number / unit_ms[fn - FN_TO_MILLISECONDS]);
	return true;
}

static bool call_constructor(struct eval *e, enum fn_id fn, struct value arg, struct value *out)
{
	struct value made = {.kind = VALUE_NONE};
	bool is_good = false;

	if (!eval_expect(e, arg, VALUE_STRING))
		return false;
	if (fn == FN_IP) {
		made = value_ip(e->arena, arg.text->str);
		is_good = made.kind == VALUE_IP;
	} else if (fn == FN_DECIMAL) {
		made.kind = VALUE_DECIMAL;
		is_good = ext_decimal_parse(arg.text->str, &made.number);
	} else if (fn == FN_DATETIME) {
		made.kind = VALUE_DATETIME;
		is_good = ext_datetime_parse(arg.text->str, &made.number);
	} else {
		made.kind = VALUE_DURATION;
		is_good = ext_duration_parse(arg.text->str, &made.number);
	}
	if (!is_good)
		return eval_fail(e, "`" STR_FMT "` is not a valid %s",
				 (int)MIN(arg.text->str.len, 100), arg.text->str.ptr,
				 fn_table[fn].name);
	*out = made;
	return true;
}

bool eval_apply(struct eval *e, enum fn_id fn, struct value receiver, struct value arg,
		struct value *out)
{
	bool b = false;

	if (fn <= FN_CONTAINS_ANY) {
		if (!call_contains(e, fn, receiver, arg, &b))
			return false;
	} else if (fn == FN_IS_EMPTY) {
		if (!eval_expect(e, receiver, VALUE_SET))
			return false;
		b = receiver.set->count == 0;
	} else if (fn <= FN_GET_TAG) {
		return call_tag(e, fn, receiver, arg, out);
	} else if (fn <= FN_IS_IN_RANGE) {
		if (!call_ip(e, fn, receiver, arg, &b))
			return false;
	} else if (fn <= FN_GREATER_THAN_OR_EQUAL) {
		if (!call_decimal(e, fn, receiver, arg, &b))
			return false;
	} else if (fn <= FN_TO_TIME) {
		return call_datetime(e, fn, receiver, arg, out);
	} else if (fn <= FN_TO_DAYS) {
		return call_duration(e, fn, receiver, out);
	} else {
		return call_constructor(e, fn, arg, out);
	}
	*out = value_bool(b);
	return true;
}

bool eval_call(struct eval *e, enum fn_id fn, struct value receiver, const struct expr_list *args,
	       struct value *out)
{
	struct value arg = {.kind = VALUE_NONE};

	if (args->count != fn_table[fn].arity)
		return eval_fail(e, "%s takes %u argument%s, not %zu", fn_table[fn].name,
				 (unsigned)fn_table[fn].arity, fn_table[fn].arity == 1 ? "" : "s",
				 args->count);
	if (args->count > 0 && !eval_expr(e, args->items[0], &arg))
		return false;
	return eval_apply(e, fn, receiver, arg, out);
}
