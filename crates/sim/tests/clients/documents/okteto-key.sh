aws iam create-access-key --user-name private-registry-user
