"""Rules: Prometheus rule files, loaded, checked, evaluated and tested."""

from opsctl.rules.check import Checked, check_file, check_text, load_rules
from opsctl.rules.document import Group, Rule
from opsctl.rules.evaluate import GroupResult, RuleResult, Surroundings, Written, evaluate_group
from opsctl.rules.restore import restored_state
from opsctl.rules.sending import due_alerts
from opsctl.rules.state import ActiveAlert, GroupState, dump_state, load_state

__all__ = [
    "ActiveAlert", "Checked", "Group", "GroupResult", "GroupState", "Rule", "RuleResult", "Surroundings", "Written",
    "check_file", "check_text", "due_alerts", "dump_state", "evaluate_group", "load_rules", "load_state",
    "restored_state",
]  # fmt: skip
