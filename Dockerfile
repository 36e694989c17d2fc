# syntax=docker/dockerfile:1

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source

# Packages first: this layer is built again only when a project file or a version changes.
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props ./
COPY src/Directory.Build.props src/
COPY src/Crypto/Crypto.csproj src/Crypto/
COPY src/Sockets/Sockets.csproj src/Sockets/
COPY src/Edge/Edge.csproj src/Edge/
COPY src/Relay/Relay.csproj src/Relay/
COPY src/Tailnet/Tailnet.csproj src/Tailnet/
COPY src/ControlPlane/ControlPlane.csproj src/ControlPlane/
COPY src/LocalAgent/LocalAgent.csproj src/LocalAgent/
RUN dotnet restore src/Edge --use-current-runtime

COPY .editorconfig ./
COPY src/ src/
# For this processor only: packages bring native libraries (SQLite, libsodium) for every platform, 60 MB of them.
RUN dotnet publish src/Edge -c Release --no-restore --use-current-runtime --no-self-contained -o /out

FROM mcr.microsoft.com/dotnet/aspnet:10.0
# The image's own user ("app", 1654) owns the data; it holds tokens and keys, so nobody else may look. A named volume starts as a copy
# of this directory, with its owner and mode.
RUN install -d -o $APP_UID -g $APP_UID -m 0700 /data
VOLUME /data

WORKDIR /app
COPY --from=build /out ./
USER $APP_UID

# The image sets ASPNETCORE_HTTP_PORTS, which would only make the server warn that ASPNETCORE_URLS overrides it.
# The admin listener stays inside the container: publish it by setting Edge__Admin__Url, knowingly.
ENV ASPNETCORE_HTTP_PORTS= \
    ASPNETCORE_URLS=http://0.0.0.0:8080 \
    Edge__Admin__Url=http://127.0.0.1:8081 \
    Edge__DataDirectory=/data
EXPOSE 8080
STOPSIGNAL SIGTERM

# The image has no curl: the program asks its own admin listener for /readyz.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["./Edge", "healthcheck"]
ENTRYPOINT ["./Edge"]
