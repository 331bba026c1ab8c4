# An image with sharptune, for KubeRay and Ray clusters: docker build -t me/sharptune:1 .
FROM python:3.11-slim
# KubeRay asks a pod with wget whether it lives.
RUN apt-get update && apt-get install --yes --no-install-recommends git wget && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/sharptune
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt .
RUN mkdir /home/ray && chown 1000 /home/ray
USER 1000
WORKDIR /home/ray
ENV HOME=/home/ray
