aws iam create-role --role-name my-private-registry --assume-role-policy-document file://trust-policy.json
