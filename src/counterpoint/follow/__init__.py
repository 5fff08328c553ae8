"""Measures of how well a model follows its controls: chord charts, melodies, drum loops, and tempi in words."""

from counterpoint.follow.result import Followed, Following, Share, print_following
from counterpoint.follow.run import FollowConfig, follow

__all__ = ["FollowConfig", "Followed", "Following", "Share", "follow", "print_following"]
