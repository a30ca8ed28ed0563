"""What a minio-py user does, with default settings: prints one JSON line of findings. Arguments: endpoint (host:port), keys, a file, a directory."""
import hashlib
import json
import sys
import urllib.request
from datetime import datetime, timedelta, timezone

from minio import Minio
from minio.commonconfig import CopySource, Tags
from minio.datatypes import PostPolicy
from minio.deleteobjects import DeleteObject

endpoint, access_key, secret_key, file, directory = sys.argv[1:6]
client = Minio(endpoint=endpoint, access_key=access_key, secret_key=secret_key, secure=False)
found = {}
content = open(file, "rb").read()
client.make_bucket(bucket_name="minio-py")
found["exists"] = client.bucket_exists(bucket_name="minio-py")
client.fput_object(bucket_name="minio-py", object_name="big/file ü", file_path=file, part_size=5 * 1024 * 1024)
client.fget_object(bucket_name="minio-py", object_name="big/file ü", file_path=directory + "/py-back")
found["transferred"] = hashlib.sha256(open(directory + "/py-back", "rb").read()).digest() == hashlib.sha256(content).digest()
found["size"] = client.stat_object(bucket_name="minio-py", object_name="big/file ü").size
client.copy_object(bucket_name="minio-py", object_name="copied", source=CopySource(bucket_name="minio-py", object_name="big/file ü"))
tags = Tags.new_object_tags()
tags["colour"] = "blue"
client.set_object_tags(bucket_name="minio-py", object_name="copied", tags=tags)
found["tags"] = dict(client.get_object_tags(bucket_name="minio-py", object_name="copied"))
url = client.presigned_get_object(bucket_name="minio-py", object_name="copied")
found["presigned"] = len(urllib.request.urlopen(url).read())
policy = PostPolicy("minio-py", datetime.now(timezone.utc) + timedelta(minutes=5))
policy.add_starts_with_condition("key", "form/")
found["form"] = sorted(client.presigned_post_policy(policy=policy))
names = [item.object_name for item in client.list_objects(bucket_name="minio-py", recursive=True)]
found["names"] = names
found["errors"] = [str(error) for error in client.remove_objects(bucket_name="minio-py", delete_object_list=[DeleteObject(name) for name in names])]
client.remove_bucket(bucket_name="minio-py")
print(json.dumps(found))
