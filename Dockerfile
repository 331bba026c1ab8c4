# An image with sharptune, for KubeRay and Ray clusters: docker build -t me/sharptune:1 .
# It holds the commit that is checked out, whatever else lies in the folder; the rows that it writes name that commit.
FROM python:3.11-slim
# KubeRay asks a pod with wget whether it lives.
RUN apt-get update && apt-get install --yes --no-install-recommends git wget && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/sharptune
COPY .git .git
RUN git reset --hard --quiet && git config --system --add safe.directory /opt/sharptune
RUN pip install --no-cache-dir --constraint constraints.txt --editable .
RUN mkdir /home/ray && chown 1000 /home/ray
USER 1000
WORKDIR /home/ray
ENV HOME=/home/ray
