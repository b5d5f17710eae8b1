"""Another form on the usual login page."""

from jupyterhub.auth import Authenticator


class PinAuthenticator(Authenticator):
    custom_html = """
    <form action="{{ login_url }}" method="post">
      <input name="_xsrf" type="hidden" value="{{ xsrf }}">
      <label>Seat <input name="seat"></label> <label>PIN <input name="pin"></label>
    </form>"""

    async def authenticate(self, handler, data):
        return f"seat-{data['seat']}" if data["pin"] == "1234" else None


c = get_config()
c.JupyterHub.authenticator_class = PinAuthenticator
c.Authenticator.allow_all = True
c.Authenticator.username_pattern = r"seat-[0-9]+"
