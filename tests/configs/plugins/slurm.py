from batchspawner import SlurmSpawner


class ClusterSpawner(SlurmSpawner):
    def _options_form_default(self):
        return '<select name="partition"><option>short</option><option>long</option></select>'

    def options_from_form(self, formdata):
        return {"partition": formdata["partition"][0]}


c = get_config()
c.JupyterHub.spawner_class = ClusterSpawner
c.SlurmSpawner.req_partition = "short"
c.SlurmSpawner.req_runtime = "8:00:00"
c.BatchSpawnerBase.req_nprocs = "2"
c.BatchSpawnerBase.exec_prefix = "sudo -E -u {username}"
c.Spawner.http_timeout = 120
