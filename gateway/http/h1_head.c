/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   request-line = method SP target SP "HTTP/1." ("0" / "1")
 *   target       = path ["?" query] / "http[s]://" host path ["?" query] / "*"
 *   status-line  = "HTTP/1." ("0" / "1") SP 3DIGIT SP *VALUE
 *   field-line   = token ":" OWS value OWS
 *
 * Single spaces only; everything RFC 9112 lets a lenient recipient accept
 * beyond this is refused.
 */
#include "gateway/http/h1_head.h"

#include "gateway/http/grammar.h"

/* "HTTP/1.x". A version that is well-formed but not ours is told apart from garbage. */
static enum refusal parse_version(struct str s, enum refusal otherwise, unsigned *out_minor)
{
	if (s.len != 8 || memcmp(s.ptr, "HTTP/", 5) != 0 || s.ptr[6] != '.' || s.ptr[5] < '0' ||
	    s.ptr[5] > '9' || s.ptr[7] < '0' || s.ptr[7] > '9')
		return otherwise;
	if (s.ptr[5] != '1' || s.ptr[7] > '1')
		return REFUSAL_VERSION;
	*out_minor = (unsigned)(s.ptr[7] - '0');
	return REFUSAL_NONE;
}

/* absolute-form: cuts scheme and authority off, so that what remains is origin-form. */
static struct str cut_authority(struct str target, struct str *out_authority)
{
	size_t scheme = str_has_prefix(target, STR("http://"))	  ? 7
			: str_has_prefix(target, STR("https://")) ? 8
								  : 0;
	struct str rest = str_make(target.ptr + scheme, target.len - scheme);
	size_t len = str_index(rest, '/');

	if (scheme == 0)
		return target;
	*out_authority = str_make(rest.ptr, len);
	return str_make(rest.ptr + len, rest.len - len);
}

static enum refusal parse_target(struct str target, struct head *head, struct str *out_authority)
{
	size_t len;

	if (target.len == 0 || grammar_span(target, GRAMMAR_TARGET) != target.len)
		return REFUSAL_TARGET;
	if (str_eq(target, STR("*"))) {
		head->target = target;
		head->path = target;
		return head->method == METHOD_OPTIONS ? REFUSAL_NONE : REFUSAL_TARGET;
	}
	head->target = cut_authority(target, out_authority);
	len = str_index(head->target, '?');
	head->path = str_make(head->target.ptr, len);
	if (len < head->target.len)
		head->query = str_make(head->target.ptr + len + 1, head->target.len - len - 1);
	if (len == 0 || head->path.ptr[0] != '/')
		return REFUSAL_TARGET;
	return grammar_is_path(head->path) ? REFUSAL_NONE : REFUSAL_PATH;
}

enum refusal h1_head_request_line(struct str line, const struct h1_limits *limits,
				  struct head *head, struct str *out_authority)
{
	struct str method, target, version = line;
	enum refusal refusal;

	if (!str_cut(&version, ' ', &method) || !str_cut(&version, ' ', &target) ||
	    !grammar_is_token(method))
		return REFUSAL_REQUEST_LINE;
	refusal = parse_version(version, REFUSAL_REQUEST_LINE, &head->minor);
	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!method_find(method, &head->method))
		return REFUSAL_METHOD;
	if (target.len > limits->target_bytes)
		return REFUSAL_TARGET_LIMIT;
	return parse_target(target, head, out_authority);
}

enum refusal h1_head_status_line(struct str line, struct head *head)
{
	unsigned status = 0;
	enum refusal refusal;

	if (line.len < 13 || line.ptr[8] != ' ' || line.ptr[12] != ' ' || !grammar_is_value(line))
		return REFUSAL_STATUS_LINE;
	refusal = parse_version(str_make(line.ptr, 8), REFUSAL_STATUS_LINE, &head->minor);
	if (refusal != REFUSAL_NONE)
		return refusal;
	for (size_t i = 9; i < 12; i++) {
		if (line.ptr[i] < '0' || line.ptr[i] > '9')
			return REFUSAL_STATUS_LINE;
		status = status * 10 + (unsigned)(line.ptr[i] - '0');
	}
	head->status = status;
	return status < 100 || status > 599 ? REFUSAL_STATUS_LINE : REFUSAL_NONE;
}

static enum refusal parse_field(struct str line, struct field *out)
{
	size_t len = grammar_span(line, GRAMMAR_TOKEN);

	if (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		return REFUSAL_FIELD_FOLD;
	if (len == 0 || len == line.len || line.ptr[len] != ':')
		return REFUSAL_FIELD_NAME;
	out->name = str_make(line.ptr, len);
	out->value = str_trim(str_make(line.ptr + len + 1, line.len - len - 1));
	if (!grammar_is_value(out->value))
		return REFUSAL_FIELD_VALUE;
	out->id = header_find(out->name);
	/* Legal white space, but not all readers trim it, and here they must not differ. */
	if ((out->id == HEADER_CONTENT_LENGTH || out->id == HEADER_TRANSFER_ENCODING) &&
	    memchr(line.ptr, '\t', line.len) != NULL)
		return REFUSAL_FIELD_VALUE;
	if (out->id == HEADER_OTHER && memchr(out->name.ptr, '_', len) != NULL &&
	    header_find_lookalike(out->name) != HEADER_OTHER)
		return REFUSAL_FIELD_LOOKALIKE;
	return REFUSAL_NONE;
}

enum refusal h1_head_field(struct str line, const struct h1_limits *limits, struct head *head)
{
	if (head->field_count >= MIN(limits->field_count, (size_t)MESSAGE_FIELDS))
		return REFUSAL_FIELD_COUNT;
	return parse_field(line, &head->fields[head->field_count++]);
}

enum refusal h1_head_trailer(struct str line)
{
	struct field field;
	enum refusal refusal = parse_field(line, &field);

	if (refusal != REFUSAL_NONE)
		return refusal;
	return header_flags(field.id) != 0 ? REFUSAL_TRAILER : REFUSAL_NONE;
}

/* What one walk over the fields finds out. */
struct survey {
	uint64_t seen; /* set of enum header */
	struct str host;
	struct str length;
	struct str transfer;
	unsigned transfer_count;
	unsigned expect_count;
	bool is_continue;
	bool wants_close;
};

_Static_assert(HEADER_COUNT <= 64, "struct survey's set holds every header");

static enum refusal survey_connection(struct survey *survey, struct str list)
{
	struct str option;
	bool more;

	do {
		more = str_cut(&list, ',', &option);
		option = str_trim(option);
		if (option.len > 0 && !grammar_is_token(option))
			return REFUSAL_CONNECTION;
		if (str_eq_nocase(option, STR("close")))
			survey->wants_close = true;
	} while (more);
	return REFUSAL_NONE;
}

static enum refusal survey_field(struct survey *survey, const struct field *field)
{
	uint64_t bit = UINT64_C(1) << field->id;
	bool is_again = (survey->seen & bit) != 0;

	survey->seen |= bit;
	if (field->id == HEADER_HOST) {
		survey->host = field->value;
		return is_again ? REFUSAL_HOST : REFUSAL_NONE;
	}
	if (is_again && (header_flags(field->id) & HEADER_SINGLE) != 0)
		return field->id == HEADER_CONTENT_LENGTH ? REFUSAL_LENGTH : REFUSAL_FIELD_TWICE;
	if (field->id == HEADER_CONTENT_LENGTH)
		survey->length = field->value;
	if (field->id == HEADER_TRANSFER_ENCODING) {
		survey->transfer = field->value;
		survey->transfer_count++;
	}
	if (field->id == HEADER_EXPECT) {
		survey->expect_count++;
		survey->is_continue = str_eq_nocase(field->value, STR("100-continue"));
	}
	if (field->id == HEADER_CONNECTION)
		return survey_connection(survey, field->value);
	return REFUSAL_NONE;
}

static enum refusal survey_head(struct survey *survey, struct head *head)
{
	memset(survey, 0, sizeof(*survey));
	for (size_t i = 0; i < head->field_count; i++) {
		enum refusal refusal = survey_field(survey, &head->fields[i]);

		if (refusal != REFUSAL_NONE)
			return refusal;
	}
	head->has_upgrade = (survey->seen & UINT64_C(1) << HEADER_UPGRADE) != 0;
	head->keep_alive = head->minor == 1 && !survey->wants_close && !head->has_upgrade;
	return REFUSAL_NONE;
}

/* RFC 9112 §6.3, without its lenient branches. */
static enum refusal settle_framing(const struct survey *survey, struct head *head,
				   const struct h1_limits *limits)
{
	if (survey->transfer_count > 0) {
		if (survey->transfer_count > 1 || str_is_set(survey->length) || head->minor == 0 ||
		    !str_eq_nocase(survey->transfer, STR("chunked")))
			return REFUSAL_TRANSFER;
		head->framing = FRAMING_CHUNKED;
		return REFUSAL_NONE;
	}
	if (!str_is_set(survey->length))
		return REFUSAL_NONE;
	if (str_to_u64(survey->length, &head->content_length) != OK)
		return REFUSAL_LENGTH;
	if (head->content_length > limits->body_bytes)
		return REFUSAL_BODY_LIMIT;
	head->framing = FRAMING_LENGTH;
	return REFUSAL_NONE;
}

static enum refusal settle_expect(const struct survey *survey, struct head *head)
{
	bool has_body = head->framing == FRAMING_CHUNKED || head->content_length > 0;

	if (survey->expect_count == 0)
		return REFUSAL_NONE;
	if (survey->expect_count > 1 || !survey->is_continue)
		return REFUSAL_EXPECT;
	/* RFC 9110 §10.1.1: an HTTP/1.0 client gets no 1xx. */
	head->expects_continue = has_body && head->minor == 1;
	return REFUSAL_NONE;
}

enum refusal h1_head_settle_request(struct head *head, struct str authority,
				    const struct h1_limits *limits)
{
	struct survey survey;
	enum refusal refusal = survey_head(&survey, head);

	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!grammar_is_host(survey.host))
		return REFUSAL_HOST;
	if (str_is_set(authority) && !str_eq_nocase(authority, survey.host))
		return REFUSAL_HOST;
	refusal = settle_framing(&survey, head, limits);
	if (refusal != REFUSAL_NONE)
		return refusal;
	/* A body where none is usual must at least have its length in the head. */
	if (head->framing == FRAMING_CHUNKED &&
	    (head->method == METHOD_GET || head->method == METHOD_HEAD ||
	     head->method == METHOD_OPTIONS))
		return REFUSAL_TRANSFER;
	return settle_expect(&survey, head);
}

enum refusal h1_head_settle_response(struct head *head, enum method method,
				     const struct h1_limits *limits)
{
	struct survey survey;
	enum refusal refusal = survey_head(&survey, head);
	bool is_bare = head->status < 200 || head->status == 204;
	bool has_no_body = is_bare || head->status == 304 || method == METHOD_HEAD;

	if (refusal == REFUSAL_NONE)
		refusal = settle_framing(&survey, head, limits);
	if (refusal != REFUSAL_NONE && (refusal != REFUSAL_BODY_LIMIT || !has_no_body))
		return refusal;
	/* A body announced where none may be: two readers would disagree on where it ends. */
	if (is_bare && (head->framing == FRAMING_CHUNKED || head->content_length > 0))
		return REFUSAL_TRANSFER;
	if (has_no_body)
		head->framing = FRAMING_NONE;
	else if (head->framing == FRAMING_NONE)
		head->framing = FRAMING_CLOSE;
	if (head->framing == FRAMING_CLOSE)
		head->keep_alive = false;
	return REFUSAL_NONE;
}
