# generate a login password from within the **production** account
aws --profile mycompany-prod ecr get-login-password | \
  # and log in using that password to the **artifacts** account's registry: \
  docker login -u AWS --password-stdin ${ARTIFACTS_ACCOUNT_ID}.dkr.ecr.${ARTIFACTS_ACCOUNT_REGION}.amazonaws.com
