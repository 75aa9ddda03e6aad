#!/usr/bin/env python3
"""What the enumerator is for: a method that was inlined into precompiled code of others goes on there
as before when it is recompiled alone; recompiling every method that the enumerator names, too,
makes the change complete.

HttpUtility.HtmlEncode holds a copy of HttpEncoder.HtmlEncode, in the framework's own image; ours
answers its argument as it is."""

from contract_runtime import ContractTest, REJIT, S_OK, main

ITSELF = "0a022a"  # ldarg.0, ret
ENCODE = "invoke System.Web.HttpUtility System.Web.HttpUtility HtmlEncode a<b"


class Purpose(ContractTest):
    def test_complete(self):
        target = self.new().start(REJIT)
        self.assertEqual(target.tell(ENCODE), "a&lt;b")
        module = target.module("System.Web.HttpUtility.dll")
        inlinee = target.method("System.Web.HttpUtility.dll", "System.Web.Util.HttpEncoder", "HtmlEncode")
        inliners = target.inlined_into(module, inlinee)
        names = {method["name"] for method in target.described(module, *(item.token for item in inliners))}
        self.assertEqual(names, {"System.Web.HttpUtility.HtmlEncode"})
        target.gives(inlinee, ITSELF)
        self.assertResult(target.rejit(inlinee), S_OK)
        self.assertEqual(target.tell(ENCODE), "a&lt;b", "nothing was inlined: this proves nothing")
        self.assertEqual(target.notes("GetReJITParameters"), [])
        self.assertResult(target.rejit(*inliners), S_OK)
        self.assertEqual(target.tell(ENCODE), "a<b")
        # And the way back: the inlinee first, then its inliners.
        self.assertEqual(target.revert(inlinee), [S_OK])
        self.assertEqual(target.tell(ENCODE), "a&lt;b")
        self.assertEqual(set(target.revert(*inliners)), {S_OK})
        self.assertEqual(target.tell(ENCODE), "a&lt;b")


if __name__ == "__main__":
    main()
