/* SPDX-License-Identifier: BSD-2-Clause */
/* After each use of profile.def; no include guard: it is for many uses. */
#undef PROFILE_TEXT
#undef PROFILE_LIST
#undef PROFILE_PATTERN
#undef PROFILE_PRINT
#undef PROFILE_ANSWER
#undef PROFILE_NUMBER
#undef PROFILE_VERSION
#undef PROFILE_WORD
#undef PROFILE_WORDS
#undef PROFILE_SUITE
