# Hooks around a start: a form, options checked, a folder prepared, a volume let go.
import os

c = get_config()

c.JupyterHub.authenticator_class = "dummy"

FORM = """
<label>Memory <select name="memory"><option>1G</option><option>4G</option></select></label>
<label>Debug <input type="checkbox" name="debug"></label>
"""


def form(spawner):
    return FORM if spawner.user.admin else FORM.replace("<option>4G</option>", "")


def options_from_form(data, spawner):
    options = {"memory": data["memory"][0], "debug": "debug" in data}
    if options["memory"] not in form(spawner):
        raise ValueError(options["memory"])
    return options


def apply_user_options(spawner, options):
    spawner.mem_limit = options.get("memory", "1G")
    spawner.debug = bool(options.get("debug"))


async def prepare(spawner):
    spawner.environment["SCRATCH"] = os.path.join(
        "/scratch", spawner.user.escaped_name, spawner.name or "default"
    )


def let_go(spawner):
    spawner.log.info("scratch of %s let go", spawner.user.name)


async def greet(spawner, event):
    return {**event, "message": f"Welcome, {spawner.user.name}"}


async def lead(path, request, user, base_url):
    return f"{base_url}services/course/{path}" if path.startswith("course") else None


c.Spawner.options_form = form
c.Spawner.options_from_form = options_from_form
c.Spawner.apply_user_options = apply_user_options
c.Spawner.pre_spawn_hook = prepare
c.Spawner.post_stop_hook = let_go
c.Spawner.progress_ready_hook = greet
c.JupyterHub.user_redirect_hook = lead
c.JupyterHub.default_url = lambda handler: "/hub/home" if handler.current_user else "/hub/login"
c.Callboard.hook_timeout = 10
