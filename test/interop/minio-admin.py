"""Administers a gateway with MinIO's Python client; prints one JSON line of what it saw. Arguments: endpoint, access key, secret."""
import json
import sys
import tempfile

from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider
from minio.error import MinioAdminException, S3Error

endpoint, access_key, secret_key = sys.argv[1:4]


def admin(user, secret):
    return MinioAdmin(endpoint=endpoint, credentials=StaticProvider(user, secret), secure=False)


def can_list(user, secret):
    try:
        return sorted(o.object_name for o in Minio(endpoint, access_key=user, secret_key=secret, secure=False).list_objects("media"))
    except S3Error as error:
        return error.code


def refusal(call):
    try:
        call()
        return None
    except MinioAdminException as error:
        return [int(error._code), json.loads(error._body)["Code"]]


root = admin(access_key, secret_key)
s3 = Minio(endpoint, access_key=access_key, secret_key=secret_key, secure=False)
s3.make_bucket("media")
with tempfile.NamedTemporaryFile() as file:
    file.write(b"hello")
    file.flush()
    s3.fput_object("media", "a.txt", file.name)

seen = {}
root.user_add("ann", "ann-secret-1")
seen["new"] = can_list("ann", "ann-secret-1")
policy = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::media"]}],
}
root.policy_add("media-list", policy=policy)
seen["policies"] = sorted(json.loads(root.policy_list()))
seen["policy"] = json.loads(root.policy_info("media-list"))["Statement"][0]["Action"]
root.policy_set("media-list", user="ann")
seen["allowed"] = can_list("ann", "ann-secret-1")
seen["user"] = json.loads(root.user_info("ann"))
seen["users"] = json.loads(root.user_list())
root.user_disable("ann")
seen["disabled"] = can_list("ann", "ann-secret-1")
root.user_enable("ann")
root.policy_unset("media-list", user="ann")
seen["unset"] = can_list("ann", "ann-secret-1")

root.group_add("team", "ann")
seen["attached"] = json.loads(root.attach_policy(["media-list"], group="team")).get("policiesAttached")
seen["by group"] = can_list("ann", "ann-secret-1")
seen["group"] = json.loads(root.group_info("team"))
seen["groups"] = json.loads(root.group_list())
entities = json.loads(root.get_policy_entities([], [], ["media-list"]))
seen["entities"] = entities["policyMappings"]
root.group_disable("team")
seen["group disabled"] = can_list("ann", "ann-secret-1")
root.group_enable("team")

ann = admin("ann", "ann-secret-1")
made = json.loads(ann.add_service_account(access_key="ann-backup", secret_key="backup-secret-1", name="backup", description="nightly"))
seen["account"] = made["credentials"]["accessKey"]
seen["by account"] = can_list("ann-backup", "backup-secret-1")
info = json.loads(ann.get_service_account("ann-backup"))
seen["account info"] = [info["parentUser"], info["accountStatus"], info["impliedPolicy"], info["name"]]
seen["accounts"] = [a["accessKey"] for a in json.loads(ann.list_service_account("ann"))["accounts"]]
ann.update_service_account(access_key="ann-backup", status="off")
seen["account off"] = can_list("ann-backup", "backup-secret-1")
ann.update_service_account(access_key="ann-backup", status="on", secret_key="backup-secret-2")
seen["account again"] = can_list("ann-backup", "backup-secret-2")
seen["not an administrator"] = refusal(ann.user_list)
seen["account of another"] = refusal(lambda: ann.list_service_account("root"))
seen["own info"] = json.loads(ann.account_info())["AccountName"]
root.user_disable("ann")
seen["parent disabled"] = can_list("ann-backup", "backup-secret-2")
root.user_enable("ann")
ann.delete_service_account("ann-backup")
seen["account gone"] = can_list("ann-backup", "backup-secret-2")

seen["detached"] = json.loads(root.detach_policy(["media-list"], group="team")).get("policiesDetached")
root.group_remove("team", "ann")
root.group_remove("team")
root.policy_remove("media-list")
root.user_remove("ann")
seen["gone"] = [json.loads(root.user_list()), json.loads(root.group_list()), can_list("ann", "ann-secret-1")]
seen["refusals"] = {
    "short access key": refusal(lambda: root.user_add("an", "long-enough-1")),
    "short secret": refusal(lambda: root.user_add("ben", "short")),
    "long secret": refusal(lambda: root.user_add("ben", "x" * 41)),
    "no such user": refusal(lambda: root.user_info("nobody")),
    "no such group": refusal(lambda: root.group_info("nothing")),
    "no such policy": refusal(lambda: root.policy_info("nothing")),
    "not a policy": refusal(lambda: root.policy_add("bad", policy={"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]})),
    "wrong secret": refusal(admin(access_key, "not-the-secret").user_list),
}
seen["server"] = json.loads(root.info())["servers"][0]["state"]
print(json.dumps(seen))
