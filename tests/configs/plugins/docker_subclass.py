import os

from dockerspawner import DockerSpawner


class ImageSpawner(DockerSpawner):
    def _options_form_default(self):
        return '<label>Image <input name="stack"></label>'

    def options_from_form(self, formdata):
        return {"stack": formdata["stack"][0]}

    def get_args(self):
        return [*super().get_args(), "--collaborative"]

    async def start(self):
        self.image = f"example/{self.user_options.get('stack', 'base')}"
        self.volumes = {os.path.join("/srv", self.user.name): "/home/jovyan"}
        return await super().start()


c = get_config()
c.JupyterHub.spawner_class = ImageSpawner
c.DockerSpawner.prefix = "campus"
c.DockerSpawner.read_only_volumes = {"/srv/data": "/data"}
