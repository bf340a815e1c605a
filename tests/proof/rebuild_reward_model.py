"""The sample reward model rebuilt from its script agrees with the gold order as often as the shipped one."""

import sys

from sample_data.make_reward_model import SCRIPT

if __name__ == "__main__":
    sys.exit(SCRIPT.main(["--check"]))
