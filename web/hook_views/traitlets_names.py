"""What objects of JupyterHub's have of traitlets. Options here are plain attributes."""

from __future__ import annotations

from collections.abc import Mapping

_PLAIN = "options are plain attributes here, which are read and set as such"
_OPTIONS = (
    "other options of the configuration are not handed to hooks; a function of the file sees its variables"
)

OF_TRAITLETS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "add_traits",
            "class_config_rst_doc",
            "class_config_section",
            "class_get_help",
            "class_get_trait_help",
            "class_own_trait_events",
            "class_own_traits",
            "class_print_help",
            "class_trait_names",
            "class_traits",
            "cross_validation_lock",
            "has_trait",
            "hold_trait_notifications",
            "notify_change",
            "observe",
            "on_trait_change",
            "section_names",
            "set_trait",
            "setup_instance",
            "trait_defaults",
            "trait_events",
            "trait_has_value",
            "trait_metadata",
            "trait_names",
            "trait_values",
            "traits",
            "unobserve",
            "unobserve_all",
        ),
        _PLAIN,
    ),
    "config": _OPTIONS,
    "parent": _OPTIONS,
    "update_config": _OPTIONS,
}
