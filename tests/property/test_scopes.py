"""The real thing against a naive model: sets of (scope, resource), and a handful of everything."""

from hypothesis import given
from hypothesis import strategies as st

from core.config.roles import DEFAULT_ROLES
from core.scopes import (
    BUILT_IN,
    NO_GROUPS,
    NOBODY,
    Answer,
    Group,
    Owner,
    Server,
    Service,
    User,
    check,
    excess_scopes,
    excess_to_give,
    expand,
    identify_scopes,
    intersect,
    listed,
    token_scopes,
    visible_group_keys,
    visible_server_keys,
    visible_service_keys,
    visible_user_keys,
)
from core.scopes.table import SELF_SCOPES
from tests.unit.core.scopes.test_held import Members

USERS = ("alice", "bob")
GROUPS = ("students", "tutors")
SERVERS = (Server("alice", ""), Server("alice", "lab"), Server("bob", "lab"))
SERVICES = ("cull", "grader")
RESOURCES = (
    None,
    *map(User, USERS),
    *map(Group, GROUPS),
    *SERVERS,
    *map(Service, SERVICES),
)
FILTERS = (
    "",
    "!user",
    *(f"!user={user}" for user in USERS),
    *(f"!group={group}" for group in GROUPS),
    *(f"!server={server.user}/{server.name}" for server in SERVERS),
    *(f"!service={service}" for service in SERVICES),
)
NAMES = sorted(BUILT_IN.keys() - {"self", "inherit", "(no_scope)"})
ALICE = Owner(user="alice")

scopes = st.one_of(st.just("self"), st.builds(str.__add__, st.sampled_from(NAMES), st.sampled_from(FILTERS)))
raw_scopes = st.frozensets(scopes, max_size=4)
memberships = st.fixed_dictionaries({group: st.frozensets(st.sampled_from(USERS)) for group in GROUPS}).map(
    Members
)
clients = st.sampled_from((None, *SERVERS, *map(Service, SERVICES)))


def naive(raw, members):
    """All (scope, resource) pairs that these scopes allow alice."""
    if "self" in raw:
        raw = raw - {"self"} | {f"{name}!user=alice" for name in SELF_SCOPES}
    return {
        (below, resource)
        for text in raw
        for name, _, filter_ in [text.partition("!")]
        for below in tree(name)
        if not (filter_.startswith("server") and below.startswith("read:user"))
        for resource in RESOURCES
        if not filter_ or matches(filter_ if "=" in filter_ else f"{filter_}=alice", resource, members)
    }


def tree(name):
    return {name}.union(*(tree(below) for below in BUILT_IN[name].subscopes))


def matches(filter_, resource, members):
    match resource:
        case Server(user, name) if filter_ == f"server={user}/{name}":
            return True
        case User(user) | Server(user, _):
            return filter_ in {f"user={user}", *(f"group={group}" for group in members.groups_of(user))}
        case Group(name):
            return filter_ == f"group={name}"
        case Service(name):
            return filter_ == f"service={name}"
    return False


def allowed(held, members):
    return {
        (name, resource)
        for name in NAMES
        for resource in RESOURCES
        if check(held, name, resource, members) is Answer.ALLOWED
    }


@given(raw_scopes, memberships)
def test_expanding_agrees_with_the_model(raw, members):
    assert allowed(expand(raw, ALICE), members) == naive(raw, members)


@given(raw_scopes, raw_scopes, memberships, clients)
def test_a_tokens_scopes_agree_with_the_model(stored, owners, members, client):
    access = {
        Server: lambda server: {f"access:servers!server={server.user}/{server.name}"},
        Service: lambda service: {f"access:services!service={service.name}"},
        type(None): lambda _: set(),
    }[type(client)](client)
    token = token_scopes(stored, ALICE, expand(owners, ALICE), members, client=client)
    model = naive(stored | access | identify_scopes(ALICE), members) & naive(owners, members)
    assert allowed(token, members) == model


@given(raw_scopes, raw_scopes, memberships)
def test_an_intersection_is_never_more_than_either_side(one, other, members):
    one, other = expand(one, ALICE), expand(other, ALICE)
    both = intersect(one, other, members)
    assert allowed(both, members) == allowed(one, members) & allowed(other, members)
    assert both == intersect(other, one, members)
    assert both == intersect(both, both, members)


@given(raw_scopes, raw_scopes, memberships)
def test_what_is_in_excess_is_what_the_model_says(requested, owners, members):
    excess = excess_scopes(requested, ALICE, expand(owners, ALICE), members)
    assert excess == sorted(
        scope for scope in requested if not naive(frozenset({scope}), members) <= naive(owners, members)
    )


@given(raw_scopes, raw_scopes, memberships, st.sampled_from((*map(Owner, USERS), Owner(service="cull"))))
def test_what_may_be_given_is_owned_whoever_is_given_it(given_away, owners, members, receiver):
    owned = expand(owners, ALICE)
    server = f"{receiver.user}/lab" if receiver.user else None
    given_away |= {scope.replace("!user=bob", "!server") for scope in given_away}
    if not excess_to_give(given_away, NOBODY, owned, members):
        held = expand(given_away, Owner(receiver.user, receiver.service, server))
        assert allowed(held, members) <= allowed(owned, members)


@given(raw_scopes)
def test_scopes_survive_being_written_down(raw):
    held = expand(raw, ALICE)
    assert expand(frozenset(held.as_strings())) == held  # so expanding is idempotent, too


@given(raw_scopes, raw_scopes)
def test_more_scopes_never_allow_less_and_all_at_once_is_one_by_one(one, more):
    together = expand(one | more, ALICE)
    assert together == expand(one, ALICE) | expand(more, ALICE)
    assert expand(one, ALICE).held.keys() <= together.held.keys()
    assert intersect(expand(one, ALICE), together, NO_GROUPS).held.keys() == expand(one, ALICE).held.keys()


def seen(held, members):
    """Everything a caller can see, as (what, key) pairs."""
    models = {
        **{user: visible_user_keys(held, user, members, ["", "lab"]) for user in USERS},
        **{server: visible_server_keys(held, server, members) for server in SERVERS},
        **{group: visible_group_keys(held, group, members) for group in GROUPS},
        **{service: visible_service_keys(held, service, members) for service in SERVICES},
    }
    return {(what, key) for what, keys in models.items() for key in keys or ()}


@given(raw_scopes, raw_scopes, raw_scopes, memberships)
def test_a_narrower_token_never_sees_more(stored, less, owners, members):
    owned = expand(owners, ALICE)
    token = token_scopes(stored | less, ALICE, owned, members)
    narrower = token_scopes(less, ALICE, owned, members)
    assert seen(narrower, members) <= seen(token, members) <= seen(owned, members)
    assert allowed(narrower, members) <= allowed(token, members) <= allowed(owned, members)


@given(raw_scopes, memberships)
def test_a_list_shows_just_what_one_may_list_one_by_one(raw, members):
    held = expand(raw, ALICE)
    reach = listed(held, "list:users")
    shown = {
        user
        for user in USERS
        if reach and (reach.everywhere or user in reach.users or reach.groups & members.groups_of(user))
    }
    assert shown == {
        user
        for user in USERS
        if check(held, "list:users", User(user), members) is Answer.ALLOWED
    }  # fmt: skip


@given(raw_scopes, memberships)
def test_an_admins_token_is_the_stored_scopes_themselves(stored, members):
    admin = expand(frozenset(DEFAULT_ROLES["admin"].scopes), ALICE)
    token = token_scopes(stored, ALICE, admin, members)
    assert token == expand(stored | identify_scopes(ALICE), ALICE)
