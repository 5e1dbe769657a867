"""What an administrator can choose for an API key is what the policy knows."""

import re

from shared.auth.actions import ACTIONS
from tests.running_desk import ROOT


def test_the_form_for_keys_offers_every_action_and_no_other() -> None:
    source = (ROOT / "web/src/features/admin/keys/scopes.ts").read_text()
    assert set(re.findall(r'^\s+"([a-z_.]+)",$', source, re.MULTILINE)) == ACTIONS.keys()
