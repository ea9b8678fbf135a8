/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/conf_int.h"

/*
 * What libconfuse 3.3 leaves undone: it counts lines wrongly behind comments,
 * refuses comments within lists, and takes the end of the file for the end of
 * an open section or comment.  So comments become blanks here, and what is
 * open at the end is an error.
 */

#define DEPTH_MAX 8 /* braces whose line is remembered; two are ever right */

struct scan {
	char *at;
	int line;
	size_t depth;
	int opened[DEPTH_MAX];
	bool in_word; /* of an unquoted value: // does not begin a comment */
};

static void
blank(struct scan *s)
{
	if (*s->at == '\n')
		s->line++;
	else
		*s->at = ' ';
	s->at++;
}

static void
line_comment(struct scan *s)
{
	while (*s->at != '\0' && *s->at != '\n')
		blank(s);
}

/* false: it never ends. */
static bool
block_comment(struct scan *s)
{
	blank(s);
	blank(s);
	while (*s->at != '\0') {
		bool last = s->at[0] == '*' && s->at[1] == '/';
		blank(s);
		if (last) {
			blank(s);
			return true;
		}
	}
	return false;
}

static bool
string(struct scan *s)
{
	char quote = *s->at++;
	while (*s->at != '\0' && *s->at != quote) {
		if (*s->at == '\\' && s->at[1] != '\0')
			s->at++;
		s->line += *s->at++ == '\n';
	}
	if (*s->at == '\0')
		return false;
	s->at++;
	return true;
}

static void
other(struct scan *s)
{
	char c = *s->at++;
	s->line += c == '\n';
	s->in_word = strchr(" \t\r\n={}(),+", c) == NULL;
	if (c == '{') {
		if (s->depth < DEPTH_MAX)
			s->opened[s->depth] = s->line;
		s->depth++;
	} else if (c == '}' && s->depth > 0) {
		s->depth--;
	}
}

bool
conf_scan(struct conf_loader *l, char *text)
{
	struct scan s = { .at = text, .line = 1 };
	while (*s.at != '\0') {
		const char *open = NULL;
		int begun = s.line;
		if (*s.at == '"' || *s.at == '\'') {
			open = string(&s) ? NULL : "a string";
			s.in_word = false;
		} else if (*s.at == '#') {
			line_comment(&s);
		} else if (!s.in_word && s.at[0] == '/' && s.at[1] == '/') {
			line_comment(&s);
		} else if (!s.in_word && s.at[0] == '/' && s.at[1] == '*') {
			open = block_comment(&s) ? NULL : "a comment";
		} else {
			other(&s);
		}
		if (open != NULL) {
			conf_wrong(l, begun,
			    "found no end of %s that begins here", open);
			return false;
		}
	}
	if (s.depth > 0) {
		conf_wrong(l, s.opened[(s.depth < DEPTH_MAX ? s.depth
							    : DEPTH_MAX) - 1],
		    "found \"{\" here and no end of it, expected \"}\" before "
		    "the end of the file");
		return false;
	}
	return true;
}
