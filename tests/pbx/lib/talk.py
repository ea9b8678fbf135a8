# SPDX-License-Identifier: BSD-2-Clause
"""Calls from beginning to end."""
import place  # noqa: F401 - finds tap
import tap


def conversation(caller, called, ends=None):
    """caller calls, called rings and answers, each hears the other, and ends
    (the caller) hangs up: both are idle again."""
    ends = ends or caller
    caller.dial(called.user)
    called.rings()
    called.answer()
    caller.talks()
    called.talks()
    caller.hears(called)
    called.hears(caller)
    ends.hangup()
    caller.ended()
    called.ended()


def both_ways(a, b):
    conversation(a, b)
    conversation(b, a, ends=a)


def lists(pbx, phone, where=""):
    """The PBX knows one Contact of this phone, and it names where."""
    contacts = pbx.contacts(phone.user)
    tap.equal(len(contacts), 1, "contacts of %s: %s" % (phone.user, contacts))
    tap.contains(contacts[0], where, "the contact")
