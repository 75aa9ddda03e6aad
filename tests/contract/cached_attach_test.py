#!/usr/bin/env python3
"""A profiler asks for the cache searches with COR_PRF_MONITOR_CACHE_SEARCHES.

What the runtime (8.0 to 10.0) does: only a profiler that was there from the start gets them. One
that attaches is refused with CORPROF_E_UNSUPPORTED_FOR_ATTACHING_PROFILER (0x8013136f), and of its
whole mask no bit is taken; without the bit no search is reported. A profiler that is started may
set the bit later, too, and gets the searches from then on."""

from contract_runtime import (CACHE, CORPROF_E_REJIT_NOT_ENABLED, CORPROF_E_UNSUPPORTED_FOR_ATTACHING_PROFILER,
                              ContractTest, FINISHED, REJIT, S_OK, STARTED, main)

ENCODE = "invoke System.Web.HttpUtility System.Web.HttpUtility HtmlEncode a<b"


class Attach(ContractTest):
    def test_attached(self):
        target, answers = self.new().run(), []
        target.attach(setup=lambda it: answers.append(it.order(f"mask {CACHE:#x} 0")["hr"]))
        self.assertResult(answers[0], CORPROF_E_UNSUPPORTED_FOR_ATTACHING_PROFILER)
        # No bit of it was taken.
        self.assertResult(target.rejit(target.own("Plain", "Answer")), CORPROF_E_REJIT_NOT_ENABLED)
        self.assertResult(target.order(f"mask {REJIT:#x} 0")["hr"], S_OK)
        self.assertEqual(target.tell(ENCODE), "a&lt;b")
        self.assertEqual(target.notes(STARTED, FINISHED), [])

    def test_started(self):
        target = self.new().start(REJIT)
        self.assertEqual(target.tell("module System.Web.HttpUtility"), "System.Web.HttpUtility")
        self.assertEqual(target.notes(STARTED), [])
        self.assertResult(target.order(f"mask {CACHE:#x} 0")["hr"], S_OK)
        self.assertEqual(target.tell(ENCODE), "a&lt;b")
        encode = target.method("System.Web.HttpUtility.dll", "System.Web.HttpUtility", "HtmlEncode")
        self.assertEqual(len(target.notes(STARTED, of=encode)), 1)


if __name__ == "__main__":
    main()
