"""What of a class is asked about while it starts."""

from __future__ import annotations

from spawners.jupyterhub.starting import own_progress


class Wrapper:
    """As wrapspawner has it: there is nothing to tell of before there is a child."""

    child: object = None

    @property
    def progress(self) -> object:
        if self.child is None:
            raise RuntimeError("no child yet")
        return self.child


def test_a_class_may_be_unable_to_say_how_it_gets_on_before_it_has_begun() -> None:
    wrapper = Wrapper()
    assert own_progress(wrapper) is None
    wrapper.child = wrapper
    assert own_progress(wrapper) is wrapper
