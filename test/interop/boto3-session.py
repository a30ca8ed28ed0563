"""What a boto3 user does, with default settings: prints one JSON line of findings. Arguments: endpoint, a file, a directory."""
import hashlib
import json
import sys
import urllib.request

import boto3
from botocore.exceptions import ClientError

endpoint, file, directory = sys.argv[1:4]
s3 = boto3.client("s3", endpoint_url=endpoint)
found = {}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


content = open(file, "rb").read()
s3.create_bucket(Bucket="boto")
s3.put_object(Bucket="boto", Key="plain ü+&.txt", Body=b"plain", ContentType="text/x-plain", Metadata={"colour": "blue"})
got = s3.get_object(Bucket="boto", Key="plain ü+&.txt")
found["object"] = [got["Body"].read().decode(), got["ContentType"], got["Metadata"], got["ETag"]]
s3.upload_file(file, "boto", "big/file")
s3.download_file("boto", "big/file", directory + "/back")
found["transferred"] = sha256(open(directory + "/back", "rb").read()) == sha256(content)
got = s3.get_object(Bucket="boto", Key="big/file", Range="bytes=1000000-1000099")
found["range"] = [got["ContentRange"].split("/")[0], got["Body"].read() == content[1000000:1000100]]
s3.copy_object(Bucket="boto", Key="copied", CopySource={"Bucket": "boto", "Key": "plain ü+&.txt"})
url = s3.generate_presigned_url("get_object", Params={"Bucket": "boto", "Key": "copied"}, ExpiresIn=60)
found["presigned"] = urllib.request.urlopen(url).read().decode()
keys = [item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="boto", PaginationConfig={"PageSize": 1}) for item in page["Contents"]]
found["keys"] = keys
try:
    s3.head_object(Bucket="boto", Key="missing")
except ClientError as error:
    found["missing"] = error.response["ResponseMetadata"]["HTTPStatusCode"]
try:
    s3.delete_bucket(Bucket="boto")
except ClientError as error:
    found["not empty"] = error.response["Error"]["Code"]
deleted = s3.delete_objects(Bucket="boto", Delete={"Objects": [{"Key": key} for key in keys]})
found["deleted"] = sorted(item["Key"] for item in deleted["Deleted"])
s3.delete_bucket(Bucket="boto")
found["buckets"] = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
print(json.dumps(found))
