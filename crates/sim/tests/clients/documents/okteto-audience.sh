export AUDIENCE=okteto.example.com/us-east-2
