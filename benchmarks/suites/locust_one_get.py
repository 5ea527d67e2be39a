"""The Locust side of the scripted benchmark: one GET per task, no waiting."""

from locust import FastHttpUser, constant, task


class OneGet(FastHttpUser):
    """A user that asks again as soon as it is answered."""

    wait_time = constant(0)

    @task
    def get(self) -> None:
        """One request."""
        self.client.get("/")
