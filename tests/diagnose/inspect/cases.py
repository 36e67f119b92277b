"""For each code: objects in which it is found, and the nearest ones in which nothing of the sort is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.cluster.replies import Object
from tests.diagnose.inspect.things import (
    AWS,
    BUILT_IN,
    CONTROLLER,
    PROXIED,
    admitted,
    front,
    gateway,
    gateway_class,
    ingress,
    kong,
    kube_proxy,
    kube_proxy_pods,
    namespace,
    node,
    plugin,
    pod,
    proxied,
    service,
)

Things = tuple[Object, ...]


def on_node(name: str) -> Object:
    """A pod of Kong's that runs on a node."""
    thing = pod()
    return {**thing, "spec": {**thing["spec"], "nodeName": name}}


HETZNER = "load-balancer.hetzner.cloud/"
SENDS = {f"{HETZNER}uses-proxyprotocol": "true"}
DO = "service.beta.kubernetes.io/do-loadbalancer-"
DO_PROXY, DO_REGIONAL = f"{DO}enable-proxy-protocol", {f"{DO}type": "REGIONAL"}
DO_ENDS_TLS = {**DO_REGIONAL, f"{DO}certificate-id": "x"}
DO_PASSES_TLS = {**DO_ENDS_TLS, f"{DO}tls-passthrough": "true"}
IBM = "service.kubernetes.io/ibm-load-balancer-cloud-provider-"
VULTR = {"service.beta.kubernetes.io/vultr-loadbalancer-algorithm": "x"}


@dataclass(frozen=True, slots=True)
class Case:
    """``told`` are words that the evidence has to hold: the object and the field that it was read from."""

    code: str
    about: str
    wrong: Things
    right: Things
    told: tuple[str, ...]


def one(code: str, about: str, wrong: Object | Things, right: Object | Things, *told: str) -> Case:
    """A case of one object, or of several."""
    things = [thing if isinstance(thing, tuple) else (thing,) for thing in (wrong, right)]
    return Case(code, about, things[0], things[1], told)


PP = f"{AWS}proxy-protocol"
TYPE = f"{AWS}type"
NLB = {TYPE: "nlb", PP: "*"}
NLB_BY_ATTRIBUTE = {TYPE: "nlb", f"{AWS}target-group-attributes": "proxy_protocol_v2.enabled=true"}
EXTERNAL = {TYPE: "external", f"{AWS}nlb-target-type": "instance", PP: "*"}
ATTRIBUTES = f"{AWS}target-group-attributes"
PROXY = {"REAL_IP_HEADER": "proxy_protocol", "TRUSTED_IPS": "10.0.0.0/8"}
XFF = {"REAL_IP_HEADER": "X-Forwarded-For", "TRUSTED_IPS": "10.0.0.0/8"}
CLASSIC, NETWORK = (
    {"loadBalancer": {"ingress": [{"hostname": f"a1b2.{name}.amazonaws.com"}]}}
    for name in ("eu-central-1.elb", "elb.eu-central-1")
)
NEG = "cloud.google.com/neg"
GOOGLE = {**XFF, "TRUSTED_IPS": "130.211.0.0/22,35.191.0.0/16,192.0.2.1"}
CERTIFICATE = {"alb.ingress.kubernetes.io/certificate-arn": "arn:1"}
AZURE_PATH = "service.beta.kubernetes.io/azure-load-balancer-health-probe-request-path"
WITH_PROTOCOL = [{"port": 80, "targetPort": "proxy", "appProtocol": "http"}]
ORACLE = {
    "oci.oraclecloud.com/load-balancer-type": "nlb",
    "oci-network-load-balancer.oraclecloud.com/is-preserve-source": "true",
}
ALB_ATTRIBUTES = "alb.ingress.kubernetes.io/load-balancer-attributes"
ALB_MODE = "idle_timeout.timeout_seconds=60,routing.http.xff_header_processing.mode"
PUBLISHED = {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}}
BY_BALANCER = {"loadBalancer": {"ingress": [{"ip": "192.0.2.10", "ipMode": "Proxy"}]}}
LOCAL = service(status=PUBLISHED, externalTrafficPolicy="Local")
ENDS_HTTP = {f"{HETZNER}protocol": "http"}
METALLB = {"metallb.io/address-pool": "public"}
ISTIO = "traffic.sidecar.istio.io/"

OF_KONG = (
    one(
        "KIP739",
        "a clear-text port for gRPC",
        kong(PROXY_LISTEN="0.0.0.0:8000 http2, 0.0.0.0:8443 http2 ssl", container={"image": "kong:3.5"}),
        kong(PROXY_LISTEN="0.0.0.0:8000, 0.0.0.0:8443 http2 ssl", container={"image": "kong:3.5"}),
        "env KONG_PROXY_LISTEN",
        "image: kong:3.5",
    ),
    one(
        "KIP739",
        "nginx tells the versions apart since",
        kong(PROXY_LISTEN="0.0.0.0:8000 http2", container={"image": "kong:2.8.5"}),
        kong(PROXY_LISTEN="0.0.0.0:8000 http2", container={"image": "kong:3.6"}),
    ),
    one(
        "KIP706",
        "a variable with a doubled prefix",
        kong(KONG_TRUSTED_IPS="10.0.0.0/8"),
        kong(TRUSTED_IPS="10.0.0.0/8"),
        "Deployment kong/kong, container proxy, env KONG_KONG_TRUSTED_IPS",
    ),
    one(
        "KIP706",
        "a doubled prefix beside the right name",
        kong(KONG_TRUSTED_IPS="10.0.0.0/8", TRUSTED_IPS="10.0.0.0/16"),
        kong(KONG_TRUSTED_IPS="10.0.0.0/8", TRUSTED_IPS="10.0.0.0/8"),
    ),
    one(
        "KIP707",
        "a host name in trusted_ips",
        kong(TRUSTED_IPS="lb.example"),
        kong(TRUSTED_IPS="10.0.0.9"),
        "lb.example",
    ),
    one(
        "KIP707",
        "a listener's flag that there is not",
        kong(PROXY_LISTEN="0.0.0.0:8000 PROXY_PROTOCOL"),
        kong(PROXY_LISTEN="0.0.0.0:8000"),
        "env KONG_PROXY_LISTEN",
    ),
    one("KIP707", "a value that is fetched from a vault", kong(TRUSTED_IPS="*"), kong(TRUSTED_IPS="{vault://env/x}")),
    one("KIP707", "a value that a pod alone knows", kong(TRUSTED_IPS="node"), kong(TRUSTED_IPS="$(NODE_IP)")),
    one(
        "KIP708",
        "flags may stand before the address",
        kong(PROXY_LISTEN="ssl 0.0.0.0:8443", REAL_IP_HEADER="proxy_protocol", TRUSTED_IPS="10.0.0.0/8"),
        kong(PROXY_LISTEN="proxy_protocol ssl 0.0.0.0:8443", REAL_IP_HEADER="proxy_protocol", TRUSTED_IPS="10.0.0.0/8"),
    ),
    one(
        "KIP708",
        "real_ip_header without the listener's flag",
        kong(REAL_IP_HEADER="proxy_protocol", TRUSTED_IPS="10.0.0.0/8"),
        proxied(),
        "env KONG_REAL_IP_HEADER: proxy_protocol",
        "no KONG_PROXY_LISTEN",
    ),
    one("KIP709", "the flag, and nobody trusted", proxied(TRUSTED_IPS=""), proxied(), "env KONG_TRUSTED_IPS"),
    one(
        "KIP709",
        "the flag, and the header left at its default",
        kong(PROXY_LISTEN=PROXIED, TRUSTED_IPS="10.0.0.0/8"),
        proxied(REAL_IP_HEADER="CF-Connecting-IP"),
        "no KONG_REAL_IP_HEADER",
    ),
    one(
        "KIP709",
        "a stream listener reads no header",
        kong(PROXY_LISTEN=PROXIED, TRUSTED_IPS="10.0.0.0/8"),
        kong(PROXY_LISTEN="off", STREAM_LISTEN="0.0.0.0:9000 proxy_protocol", TRUSTED_IPS="10.0.0.0/8"),
    ),
    one(
        "KIP709",
        "a stream listener believes nobody either",
        kong(PROXY_LISTEN="off", STREAM_LISTEN="0.0.0.0:9000 proxy_protocol"),
        kong(PROXY_LISTEN="off", STREAM_LISTEN="0.0.0.0:9000"),
        "env KONG_STREAM_LISTEN",
        "port 9000 demands a PROXY header",
    ),
    one("KIP710", "a hyphen", proxied(REAL_IP_HEADER="proxy-protocol"), proxied(), "proxy-protocol"),
    one("KIP710", "capital letters", proxied(REAL_IP_HEADER="PROXY_PROTOCOL"), proxied()),
    one("KIP710", "underscores", kong(**{**XFF, "REAL_IP_HEADER": "X_Forwarded_For"}), kong(**XFF)),
    one("KIP710", "a letter amiss", kong(**{**XFF, "REAL_IP_HEADER": "X-Forwarded-Fro"}), kong(**XFF)),
    one(
        "KIP710",
        "a word cut short",
        kong(**{**XFF, "REAL_IP_HEADER": "X-Forward-For"}),
        kong(**{**XFF, "REAL_IP_HEADER": "X-Client-Real-IP"}),
    ),
    one("KIP710", "how programs call it", kong(**{**XFF, "REAL_IP_HEADER": "HTTP_X_FORWARDED_FOR"}), kong(**XFF)),
    one("KIP710", "a version of the protocol", proxied(REAL_IP_HEADER="proxy_protocol_v2"), proxied()),
    one(
        "KIP710",
        "no address stands in it",
        kong(**{**XFF, "REAL_IP_HEADER": "X-Forwarded-Host"}),
        kong(**{**XFF, "REAL_IP_HEADER": "Client-IP"}),
        "no address stands in it",
    ),
    one("KIP710", "two names", kong(**{**XFF, "REAL_IP_HEADER": "X-Forwarded-For,X-Real-IP"}), kong(**XFF)),
    one(
        "KIP710",
        "RFC 7239",
        kong(**{**XFF, "REAL_IP_HEADER": "Forwarded"}),
        kong(**{**XFF, "REAL_IP_HEADER": "X-Mine"}),
    ),
    one(
        "KIP711", "small letters", kong(**{**XFF, "REAL_IP_HEADER": "x-forwarded-for"}), kong(**XFF), "x-forwarded-for"
    ),
    one(
        "KIP712",
        "a header, and nobody trusted",
        kong(REAL_IP_HEADER="X-Forwarded-For"),
        kong(**XFF),
        "no KONG_TRUSTED_IPS",
    ),
    one(
        "KIP713",
        "a boolean of YAML",
        kong(**XFF, REAL_IP_RECURSIVE="true"),
        kong(**XFF, REAL_IP_RECURSIVE="on"),
        "env KONG_REAL_IP_RECURSIVE: true",
    ),
    one("KIP713", "off by any word", kong(**XFF, REAL_IP_RECURSIVE="On"), kong(**XFF, REAL_IP_RECURSIVE="false")),
    one(
        "KIP713",
        "a header that is not known beside: it may be the PROXY protocol, where recursion has no part",
        kong(**XFF, REAL_IP_RECURSIVE="true"),
        kong(
            container={"envFrom": [{"secretRef": {"name": "hidden"}}]},
            TRUSTED_IPS="10.0.0.0/8",
            REAL_IP_RECURSIVE="true",
        ),
    ),
    one(
        "KIP714",
        "a twin that wins",
        kong(**XFF, NGINX_PROXY_REAL_IP_HEADER="X-Real-IP"),
        kong(**XFF, NGINX_PROXY_REAL_IP_HEADER="X-Forwarded-For"),
        "env KONG_NGINX_PROXY_REAL_IP_HEADER: X-Real-IP",
        "env KONG_REAL_IP_HEADER: X-Forwarded-For",
    ),
    one("KIP714", "one that loses", kong(NGINX_HTTP_REAL_IP_HEADER="X-Forwarded-For"), kong()),
    one(
        "KIP715",
        "set_real_ip_from behind Kong's back",
        kong(NGINX_PROXY_SET_REAL_IP_FROM="10.0.0.0/8"),
        kong(TRUSTED_IPS="10.0.0.0/8"),
        "KONG_NGINX_PROXY_SET_REAL_IP_FROM",
    ),
    one("KIP716", "everyone", proxied(TRUSTED_IPS="0.0.0.0/0,::/0"), proxied(), "env KONG_TRUSTED_IPS: 0.0.0.0/0,::/0"),
    one(
        "KIP716",
        "everyone in two halves",
        proxied(TRUSTED_IPS="0.0.0.0/1,128.0.0.0/1"),
        proxied(TRUSTED_IPS="0.0.0.0/1"),
    ),
    one(
        "KIP717",
        "what has no part in it is not known",
        kong(
            {"note": "a certificate beside, and an address that the pod alone knows"},
            container={"volumeMounts": [{"mountPath": "/etc/kong/certs"}]},
            **XFF | {"TRUSTED_IPS": "0.0.0.0/0"},
            REAL_IP_RECURSIVE="on",
            ADMIN_LISTEN="$(POD_IP):8001",
        ),
        kong(
            container={"volumeMounts": [{"mountPath": "/etc/kong"}]},
            **XFF | {"TRUSTED_IPS": "0.0.0.0/0"},
            REAL_IP_RECURSIVE="on",
        ),
    ),
    one(
        "KIP717",
        "a control plane takes no requests",
        kong(**XFF | {"TRUSTED_IPS": "0.0.0.0/0"}, REAL_IP_RECURSIVE="on", ROLE="data_plane"),
        kong(**XFF | {"TRUSTED_IPS": "0.0.0.0/0"}, REAL_IP_RECURSIVE="on", ROLE="control_plane"),
    ),
    one(
        "KIP717",
        "everyone, recursively",
        kong(REAL_IP_HEADER="X-Forwarded-For", TRUSTED_IPS="0.0.0.0/0,::/0", REAL_IP_RECURSIVE="on"),
        proxied(TRUSTED_IPS="0.0.0.0/0,::/0", REAL_IP_RECURSIVE="on"),
        "env KONG_REAL_IP_RECURSIVE: on",
    ),
    one(
        "KIP718",
        "IPv4 alone, and a listener on [::]",
        (proxied(TRUSTED_IPS="0.0.0.0/0"), service()),
        (proxied(TRUSTED_IPS="0.0.0.0/0"), service(ipFamilies=["IPv4"])),
        "[::]:8000",
    ),
    one(
        "KIP718",
        "IPv6 alone",
        (kong(TRUSTED_IPS="::/0"), service()),
        (kong(TRUSTED_IPS="::/0,0.0.0.0/0"), service()),
        "0.0.0.0:8000",
    ),
    one(
        "KIP719",
        "a node that is not trusted",
        (proxied(TRUSTED_IPS="10.9.0.0/16"), service(), node()),
        (proxied(TRUSTED_IPS="10.1.0.0/16"), service(), node()),
        "Node n1 status.addresses: 10.1.0.7",
        "env KONG_TRUSTED_IPS: 10.9.0.0/16",
    ),
    one(
        "KIP719",
        "Cluster, not Local",
        (proxied(TRUSTED_IPS="10.9.0.0/16"), service(externalTrafficPolicy="Cluster"), node()),
        (proxied(TRUSTED_IPS="10.9.0.0/16"), service(externalTrafficPolicy="Local"), node()),
        "spec.externalTrafficPolicy: Cluster",
    ),
    one(
        "KIP720",
        "the flag on the status listener",
        proxied(STATUS_LISTEN="0.0.0.0:8100 proxy_protocol"),
        proxied(STATUS_LISTEN="0.0.0.0:8100"),
        "env KONG_STATUS_LISTEN",
    ),
    one(
        "KIP720",
        "a probe of the proxy listener",
        kong(PROXY_LISTEN=PROXIED, **XFF, container={"readinessProbe": {"httpGet": {"port": "proxy"}}}),
        kong(PROXY_LISTEN=PROXIED, **XFF, container={"readinessProbe": {"httpGet": {"port": 8100}}}),
        "readinessProbe.httpGet.port 8000",
    ),
    one(
        "KIP721",
        "the list of the common guide",
        proxied(PROXY_LISTEN="0.0.0.0:8000 proxy_protocol, 0.0.0.0:8443 ssl proxy_protocol"),
        proxied(),
        "http2",
        "reuseport",
    ),
)

OF_WAYS = (
    one(
        "KIP722",
        "PROXY headers of an NLB that the built-in controller owns",
        (proxied(), service(NLB, BUILT_IN)),
        (proxied(), service(NLB, CONTROLLER)),
        f"annotation {PP}: *",
        f"annotation {TYPE}: nlb",
        "metadata.finalizers",
    ),
    one(
        "KIP722",
        "a class of the controller's",
        (proxied(), service(NLB, BUILT_IN)),
        (proxied(), service(NLB, BUILT_IN, loadBalancerClass="service.k8s.aws/nlb")),
    ),
    one(
        "KIP722",
        "a Classic one reads it",
        (proxied(), service(NLB, BUILT_IN)),
        (proxied(), service({PP: "*"}, BUILT_IN)),
    ),
    one(
        "KIP722",
        "true is no value",
        (proxied(), service({**EXTERNAL, PP: "true"})),
        (proxied(), service(EXTERNAL)),
        '"*"',
    ),
    one(
        "KIP722",
        "a Service without a balancer",
        (proxied(), service(EXTERNAL, type="NodePort")),
        (proxied(), service(EXTERNAL)),
        "spec.type: NodePort",
    ),
    one(
        "KIP722",
        "another cloud",
        (proxied(), service(EXTERNAL), node(provider="hcloud://1")),
        (proxied(), service(EXTERNAL), node()),
        "Node n1 spec.providerID: hcloud://1",
    ),
    one(
        "KIP722",
        "attributes that an old controller does not read",
        (
            kong(),
            service({TYPE: "nlb", ATTRIBUTES: "preserve_client_ip.enabled=true"}, BUILT_IN),
            node(version="v1.30.2"),
        ),
        (
            kong(),
            service({TYPE: "nlb", ATTRIBUTES: "preserve_client_ip.enabled=true"}, BUILT_IN),
            node(version="v1.31.2"),
        ),
        "kubeletVersion: v1.30.2",
    ),
    one(
        "KIP722",
        "attributes of a Classic one",
        (kong(), service({ATTRIBUTES: "preserve_client_ip.enabled=true"}, BUILT_IN)),
        (kong(), service({ATTRIBUTES: "preserve_client_ip.enabled=true"}, CONTROLLER)),
    ),
    one("KIP722", "nothing waits for it", (proxied(), service(NLB, BUILT_IN)), (kong(), service(NLB, BUILT_IN))),
    one(
        "KIP722",
        "left over from another cloud",
        (proxied(), service(EXTERNAL, type="ClusterIP")),
        (kong(), service(EXTERNAL, type="ClusterIP")),
    ),
    one(
        "KIP723",
        "a manifest of the common guide",
        (proxied(), service(NLB)),
        (proxied(), service(EXTERNAL)),
        f"annotation {TYPE}: nlb",
    ),
    one(
        "KIP723",
        "type external without a target type",
        (proxied(), service({TYPE: "external", PP: "*"})),
        (proxied(), service({TYPE: "external", PP: "*"}, loadBalancerClass="eks.amazonaws.com/nlb")),
        f"annotation {TYPE}: external",
    ),
    one("KIP723", "nobody has taken it yet", (proxied(), service(NLB)), (proxied(), service(NLB, admitted()))),
    one(
        "KIP724",
        "PROXY headers, instances and Local",
        (proxied(), service(EXTERNAL, externalTrafficPolicy="Local")),
        (proxied(), service(EXTERNAL, externalTrafficPolicy="Cluster")),
        "spec.externalTrafficPolicy: Local",
        f"annotation {PP}: *",
    ),
    one(
        "KIP724",
        "the targets of EKS in Auto Mode are not told",
        (proxied(), service({PP: "*"}, externalTrafficPolicy="Local", loadBalancerClass="service.k8s.aws/nlb")),
        (proxied(), service({PP: "*"}, externalTrafficPolicy="Local", loadBalancerClass="eks.amazonaws.com/nlb")),
        "so targets are instances",
    ),
    one(
        "KIP724",
        "checks of TCP",
        (proxied(), service(EXTERNAL, externalTrafficPolicy="Local")),
        (proxied(), service({**EXTERNAL, f"{AWS}healthcheck-protocol": "tcp"}, externalTrafficPolicy="Local")),
    ),
    one(
        "KIP724",
        "IP targets",
        (
            proxied(),
            service(
                {TYPE: "external", ATTRIBUTES: "proxy_protocol_v2.enabled=true", f"{AWS}nlb-target-type": "instance"},
                externalTrafficPolicy="Local",
            ),
        ),
        (proxied(), service({**EXTERNAL, f"{AWS}nlb-target-type": "ip"}, externalTrafficPolicy="Local")),
        ATTRIBUTES,
    ),
    one(
        "KIP725",
        "Google",
        (proxied(), service(), node(provider="gce://p/z/n")),
        (kong(), service(), node(provider="gce://p/z/n")),
        "Node n1 spec.providerID",
        "KONG_PROXY_LISTEN",
    ),
    one(
        "KIP725",
        "Azure's Private Link",
        (proxied(), service(), node(provider="azure:///s")),
        (
            proxied(),
            service({"service.beta.kubernetes.io/azure-pls-proxy-protocol": "True"}),
            node(provider="azure:///s"),
        ),
    ),
    one(
        "KIP725",
        "endpoint groups for a balancer made elsewhere",
        (proxied(), service({NEG: '{"ingress":true}'}), node(provider="gce://p/z/n")),
        (proxied(), service({NEG: '{"exposed_ports":{"80":{}}}'}), node(provider="gce://p/z/n")),
    ),
    one(
        "KIP725",
        "a balancer that was not told to send them",
        (proxied(), service({HETZNER + "location": "fsn1"})),
        (proxied(), service({HETZNER + "location": "fsn1", HETZNER + "uses-proxyprotocol": "true"})),
        "Hetzner Cloud Load Balancer, by default",
        "it is not told to send PROXY headers",
    ),
    one(
        "KIP725",
        "a boolean as Go reads it",
        (proxied(), service({**DO_REGIONAL, DO_PROXY: "False"})),
        (proxied(), service({**DO_REGIONAL, DO_PROXY: "True"})),
        "it is not told to send PROXY headers",
    ),
    one(
        "KIP725",
        "a value that the controller refuses leaves the balancer as it was",
        (proxied(), service({HETZNER + "uses-proxyprotocol": "0"})),
        (proxied(), service({HETZNER + "uses-proxyprotocol": "yes"})),
    ),
    one(
        "KIP725",
        "a balancer of which several things may be true, none of them PROXY headers",
        (proxied(), service({f"{IBM}ip-type": "public"})),
        (proxied(), service({f"{IBM}enable-features": "proxy-protocol"})),
        "IBM Cloud load balancer, by default",
    ),
    one(
        "KIP725",
        "a balancer that is asked for by an annotation which PROXY headers would overwrite",
        (proxied(), service({f"{IBM}enable-features": "nlb"})),
        (kong(), service({f"{IBM}enable-features": "nlb"})),
    ),
    one(
        "KIP725",
        "an Ingress that ends HTTP",
        (proxied(REAL_IP_HEADER="X-Forwarded-For"), service(type="NodePort"), front()),
        (kong(**XFF), service(type="NodePort"), front()),
        "Ingress kong/front (class alb) leads to Service kong/kong-proxy: it ends HTTP",
        "KONG_PROXY_LISTEN",
    ),
    one(
        "KIP725",
        "the Service's own balancer ends HTTP",
        (proxied(REAL_IP_HEADER="X-Forwarded-For"), service({f"{HETZNER}protocol": "http"})),
        (kong(**XFF), service({f"{HETZNER}protocol": "http"})),
        f"{HETZNER}protocol: http",
    ),
    one(
        "KIP725",
        "AWS, instance targets",
        (proxied(), service(loadBalancerClass="service.k8s.aws/nlb")),
        (proxied(), service({PP: "*"}, loadBalancerClass="service.k8s.aws/nlb")),
        "service.k8s.aws/nlb",
    ),
    one(
        "KIP726",
        "PROXY headers of a balancer of another cloud",
        (
            kong(),
            service({DO_PROXY: "true"} | DO_REGIONAL),
        ),
        (
            kong(),
            service({DO_PROXY: "false"} | DO_REGIONAL),
        ),
        "do-loadbalancer-enable-proxy-protocol: true",
    ),
    one(
        "KIP727",
        "a balancer that proxies, of another cloud",
        (
            kong(),
            service(VULTR, externalTrafficPolicy="Local"),
        ),
        (kong(), service(VULTR)),
        "Vultr Load Balancer",
    ),
    one(
        "KIP726",
        "a boolean in another spelling",
        (kong(), service({HETZNER + "uses-proxyprotocol": "1"})),
        (kong(), service({HETZNER + "uses-proxyprotocol": "0"})),
        "uses-proxyprotocol: 1",
    ),
    one(
        "KIP726",
        "PROXY headers to a Kong at its defaults",
        (kong(), service(EXTERNAL)),
        (proxied(), service(EXTERNAL)),
        f"annotation {PP}: *",
        "no KONG_PROXY_LISTEN",
    ),
    one(
        "KIP726",
        "PROXY headers of a Classic one",
        (kong(), service({PP: "*"}, BUILT_IN)),
        (kong(), service({PP: ""}, BUILT_IN)),
        f"annotation {PP}: *",
    ),
    one(
        "KIP726",
        "PROXY headers of whichever controller takes the manifest",
        (kong(), service({PP: "*"})),
        (kong(), service({})),
        "AWS Classic Load Balancer, with PROXY headers",
        "made by the AWS Load Balancer Controller, with PROXY headers",
    ),
    one(
        "KIP727",
        "Local behind a Classic one",
        (kong(), service({}, BUILT_IN, CLASSIC, externalTrafficPolicy="Local")),
        (kong(), service({}, BUILT_IN, CLASSIC, externalTrafficPolicy="Cluster")),
        "spec.externalTrafficPolicy: Local",
        "a1b2.eu-central-1.elb.amazonaws.com",
    ),
    one(
        "KIP727",
        "Local behind an NLB",
        (kong(), service({}, BUILT_IN, CLASSIC, externalTrafficPolicy="Local")),
        (kong(), service({TYPE: "nlb"}, BUILT_IN, NETWORK, externalTrafficPolicy="Local")),
    ),
    one(
        "KIP728",
        "an address without ipMode",
        (proxied(), service(status=PUBLISHED)),
        (proxied(), service(status=BY_BALANCER)),
        "status.loadBalancer.ingress[0]",
    ),
    one(
        "KIP728",
        "a host name is published",
        (proxied(), service(status=PUBLISHED)),
        (proxied(), service(status={"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}})),
    ),
    one("KIP728", "no PROXY headers", (proxied(), service(status=PUBLISHED)), (kong(), service(status=PUBLISHED))),
    one(
        "KIP729",
        "an ALB that ends TLS",
        (
            kong(**XFF),
            service(),
            front(annotations={"alb.ingress.kubernetes.io/certificate-arn": "arn:1"}),
            ingress("shop", "kong", tls=[{"secretName": "shop-tls"}]),
        ),
        (kong(**XFF), service(), front(), ingress("shop", "kong", tls=[{"secretName": "shop-tls"}])),
        "Ingress kong/front",
        "Ingress kong/shop spec.tls: secretName shop-tls",
    ),
    one(
        "KIP729",
        "an NLB that ends TLS",
        (kong(), service({f"{AWS}ssl-cert": "arn:1"}), ingress("shop", "kong", tls=[{"secretName": "shop-tls"}])),
        (
            kong(),
            service({f"{AWS}ssl-cert": "arn:1", f"{AWS}backend-protocol": "ssl"}),
            ingress("shop", "kong", tls=[{"secretName": "shop-tls"}]),
        ),
        "ssl-cert",
    ),
    one(
        "KIP730",
        "Istio by the namespace",
        (kong(), service(), namespace({"istio-injection": "enabled"})),
        (kong({f"{ISTIO}includeInboundPorts": ""}), service(), namespace({"istio-injection": "enabled"})),
        "Namespace kong istio-injection: enabled",
    ),
    one(
        "KIP730",
        "Istio by the template, one port left out",
        (kong({f"{ISTIO}excludeInboundPorts": "8000"}, {"sidecar.istio.io/inject": "true"}), service()),
        (kong({f"{ISTIO}excludeInboundPorts": "8000,8443"}, {"sidecar.istio.io/inject": "true"}), service()),
        "sidecar.istio.io/inject: true",
    ),
    one(
        "KIP730",
        "Linkerd",
        (kong({"linkerd.io/inject": "enabled"}), service()),
        (kong({"linkerd.io/inject": "enabled", "config.linkerd.io/skip-inbound-ports": "8000-8999"}), service()),
        "linkerd.io/inject: enabled",
    ),
    one(
        "KIP730",
        "Linkerd's ingress mode, which is about what Kong sends",
        (kong({"linkerd.io/inject": "ingress"}), service()),
        (kong({"linkerd.io/inject": "ingress", "config.linkerd.io/skip-inbound-ports": "8000,8443"}), service()),
        "linkerd.io/inject: ingress",
    ),
    one(
        "KIP730",
        "Kuma",
        (kong(), service(), namespace({"kuma.io/sidecar-injection": "enabled"})),
        (kong({"kuma.io/gateway": "enabled"}), service(), namespace({"kuma.io/sidecar-injection": "enabled"})),
        "Namespace kong",
    ),
    one(
        "KIP730",
        "Linkerd is told by the namespace",
        (kong(), service(), namespace({}, {"linkerd.io/inject": "enabled"})),
        (
            kong(),
            service(),
            namespace({}, {"linkerd.io/inject": "enabled", "config.linkerd.io/skip-inbound-ports": "8000,8443"}),
        ),
        "Namespace kong linkerd.io/inject: enabled",
    ),
    one(
        "KIP730",
        "a revision of Istio, and its ambient mode",
        (kong(), service(), namespace({"istio.io/rev": "1-24"})),
        (kong(), service(), namespace({"istio.io/rev": "1-24", "istio.io/dataplane-mode": "ambient"})),
        "istio.io/rev: 1-24",
    ),
    one(
        "KIP730",
        "what injection made of a setting of its own",
        (kong(), service(), pod("istio-proxy", init=["istio-iptables", "-d", "15090,8000"])),
        (kong(), service(), pod("istio-proxy", init=["istio-iptables", "-d", "15090,8000,8443"])),
    ),
    one(
        "KIP730",
        "a pod in its node's network",
        (kong(), service(), namespace({"istio-injection": "enabled"})),
        (kong(pod={"hostNetwork": True}), service(), namespace({"istio-injection": "enabled"})),
    ),
    one(
        "KIP730",
        "the sidecar is trusted",
        (kong(**XFF), service(), pod("istio-proxy")),
        (kong(REAL_IP_HEADER="X-Forwarded-For", TRUSTED_IPS="127.0.0.6"), service(), pod("istio-proxy")),
    ),
    one(
        "KIP730",
        "a pod says more than its namespace",
        (kong(), service(), pod("istio-proxy")),
        (kong(), service(), pod(), namespace({"istio-injection": "enabled"})),
        "Pod kong-1 has a container istio-proxy",
    ),
    one(
        "KIP731",
        "an ALB, and nobody trusted",
        (kong(), service(), front()),
        (kong(**XFF), service(), front()),
        "Ingress kong/front",
    ),
    one(
        "KIP731",
        "the Service's own balancer ends HTTP",
        (kong(), service({f"{HETZNER}protocol": "http"})),
        (kong(), service({f"{HETZNER}protocol": "tcp"})),
        f"Service kong/kong-proxy annotation {HETZNER}protocol: http",
        "no KONG_TRUSTED_IPS",
    ),
    one(
        "KIP731",
        "an ALB, and a Kong that waits for PROXY headers",
        (proxied(), service(type="NodePort"), front()),
        (kong(**XFF), service(type="NodePort"), front()),
        "KONG_REAL_IP_HEADER: proxy_protocol",
    ),
    one(
        "KIP731",
        "an ALB, and the default header",
        (kong(TRUSTED_IPS="10.0.0.0/8"), service(), front()),
        (kong(TRUSTED_IPS="10.0.0.0/8"), service(), front("nginx")),
        "no KONG_REAL_IP_HEADER",
    ),
    one(
        "KIP732",
        "recursion is off",
        (kong(**GOOGLE), service(), front("gce", published=["192.0.2.1"])),
        (kong(**GOOGLE, REAL_IP_RECURSIVE="on"), service(), front("gce", published=["192.0.2.1"])),
        "no KONG_REAL_IP_RECURSIVE",
    ),
    one(
        "KIP732",
        "its own address is not trusted",
        (kong(**GOOGLE, REAL_IP_RECURSIVE="on"), service(), front("gce", published=["192.0.2.2"])),
        (kong(**GOOGLE, REAL_IP_RECURSIVE="on"), service(), front("gce")),
        "192.0.2.2",
    ),
    one(
        "KIP733",
        "IP targets",
        (kong(), service({TYPE: "external", f"{AWS}nlb-target-type": "ip"})),
        (
            kong(),
            service(
                {TYPE: "external", f"{AWS}nlb-target-type": "ip", ATTRIBUTES: "preserve_client_ip.enabled=true"},
            ),
        ),
        f"annotation {AWS}nlb-target-type: ip",
    ),
    one(
        "KIP733",
        "preservation that is off",
        (
            kong(),
            service(
                {TYPE: "external", f"{AWS}nlb-target-type": "ip", ATTRIBUTES: "preserve_client_ip.enabled=false"},
            ),
        ),
        (proxied(), service({TYPE: "nlb-ip", ATTRIBUTES: "proxy_protocol_v2.enabled=true"})),
    ),
    one(
        "KIP734",
        "a Classic one that encrypts anew",
        (proxied(), service({PP: "*", f"{AWS}backend-protocol": "ssl"}, BUILT_IN)),
        (proxied(), service({PP: "*", f"{AWS}backend-protocol": "tcp"}, BUILT_IN)),
        "backend-protocol: ssl",
    ),
    one(
        "KIP734",
        "a manifest without a type",
        (proxied(), service({PP: "*", f"{AWS}backend-protocol": "ssl"})),
        (proxied(), service({PP: "*", f"{AWS}backend-protocol": "ssl"}, loadBalancerClass="service.k8s.aws/nlb")),
        "has no type",
    ),
    one(
        "KIP735",
        "the TLS port was forgotten",
        (kong(PROXY_LISTEN="0.0.0.0:8000 proxy_protocol, 0.0.0.0:8443 http2 ssl", **PROXY), service()),
        (kong(PROXY_LISTEN="0.0.0.0:8000 proxy_protocol, 0.0.0.0:8444 http2 ssl", **PROXY), service()),
        "0.0.0.0:8443 http2 ssl, which takes no PROXY header",
    ),
    one(
        "KIP735",
        "single ports are chosen",
        (kong(PROXY_LISTEN="0.0.0.0:8000 proxy_protocol, [::]:8000", **PROXY), service()),
        (
            kong(PROXY_LISTEN="0.0.0.0:8000 proxy_protocol, 0.0.0.0:8443 http2 ssl", **PROXY),
            service({f"{PP}-per-target-group": "80"}),
        ),
    ),
    one(
        "KIP735",
        "a stream without the flag",
        (
            proxied(STREAM_LISTEN="0.0.0.0:9000"),
            service(ports=[{"port": 80, "targetPort": 8000}, {"port": 9000}]),
        ),
        (
            proxied(STREAM_LISTEN="0.0.0.0:9000 proxy_protocol"),
            service(ports=[{"port": 80, "targetPort": 8000}, {"port": 9000}]),
        ),
        "0.0.0.0:9000",
    ),
    one(
        "KIP735",
        "another finding says which of them is amiss",
        (proxied(PROXY_LISTEN="0.0.0.0:8000 proxy_protocol, 0.0.0.0:8443 http2 ssl"), service()),
        (proxied(PROXY_LISTEN="0.0.0.0:8000 proxy_protocol, 0.0.0.0:8443 http2 ssl"), service(EXTERNAL)),
    ),
    one(
        "KIP729",
        "a listener of Kong's Gateway",
        (kong(**XFF), service(), front(annotations=CERTIFICATE), gateway_class(), gateway()),
        (kong(**XFF), service(), front(annotations=CERTIFICATE), gateway_class("example.com/other"), gateway()),
        "Gateway kong/own listener https tls.certificateRefs: shop-tls",
    ),
    one(
        "KIP729",
        "a balancer of another cloud that ends TLS",
        (
            kong(),
            service({**DO_REGIONAL, f"{DO}certificate-id": "x"}),
            ingress("shop", "kong", tls=[{"secretName": "t"}]),
        ),
        (
            kong(),
            service({**DO_REGIONAL, f"{DO}certificate-id": "x", f"{DO}tls-passthrough": "true"}),
            ingress("shop", "kong", tls=[{"secretName": "t"}]),
        ),
        "do-loadbalancer-certificate-id",
    ),
    one(
        "KIP731",
        "Google's, whose ranges are known",
        (kong(TRUSTED_IPS="10.0.0.0/8"), service(), front("gce")),
        (kong(**GOOGLE), service(), front("gce")),
    ),
    one(
        "KIP731",
        "Google's, of whose ranges none is trusted",
        (kong(**XFF, REAL_IP_RECURSIVE="on"), service(), front("gce")),
        (kong(**XFF, REAL_IP_RECURSIVE="on"), service(), front("gce-internal")),
        "it holds nothing of 35.191.0.0/16, 130.211.0.0/22",
    ),
    one(
        "KIP737",
        "a balancer that an annotation closes",
        (proxied(REAL_IP_HEADER="CF-Connecting-IP"), service()),
        (
            proxied(REAL_IP_HEADER="CF-Connecting-IP"),
            service({"service.beta.kubernetes.io/load-balancer-source-ranges": "192.0.2.0/24"}),
        ),
    ),
    one(
        "KIP737",
        "a balancer without a public address",
        (proxied(REAL_IP_HEADER="CF-Connecting-IP"), service({f"{AWS}scheme": "internet-facing"}, CONTROLLER)),
        (proxied(REAL_IP_HEADER="CF-Connecting-IP"), service({f"{AWS}scheme": "internal"}, CONTROLLER)),
    ),
    one(
        "KIP737",
        "Cloudflare's header at an open balancer",
        (proxied(REAL_IP_HEADER="CF-Connecting-IP"), service()),
        (proxied(REAL_IP_HEADER="CF-Connecting-IP"), service(loadBalancerSourceRanges=["192.0.2.0/24"])),
        "env KONG_REAL_IP_HEADER: CF-Connecting-IP",
        "no loadBalancerSourceRanges",
    ),
    one(
        "KIP737",
        "a balancer of HTTP is in front",
        (kong(REAL_IP_HEADER="True-Client-IP", TRUSTED_IPS="10.0.0.0/8"), service()),
        (kong(REAL_IP_HEADER="True-Client-IP", TRUSTED_IPS="10.0.0.0/8"), service(type="NodePort"), front()),
    ),
    one(
        "KIP736",
        "Azure's probe follows appProtocol",
        (kong(), service(ports=WITH_PROTOCOL), node(provider="azure:///s")),
        (kong(), service({AZURE_PATH: "/status"}, ports=WITH_PROTOCOL), node(provider="azure:///s")),
        "Service kong/kong-proxy spec.ports appProtocol: http",
    ),
    one(
        "KIP736",
        "under Local another port is probed",
        (kong(), service(ports=WITH_PROTOCOL), node(provider="azure:///s")),
        (kong(), service(ports=WITH_PROTOCOL, externalTrafficPolicy="Local"), node(provider="azure:///s")),
    ),
    one(
        "KIP736",
        "an Oracle balancer that preserves the source",
        (kong(), service(ORACLE)),
        (kong(), service(ORACLE, externalTrafficPolicy="Local")),
        "is-preserve-source: true",
    ),
    one(
        "KIP736",
        "TLS that passes a balancer of HTTP",
        (kong(), service({**DO_REGIONAL, f"{DO}protocol": "http", f"{DO}tls-passthrough": "true"})),
        (kong(), service({**DO_REGIONAL, f"{DO}protocol": "http", f"{DO}tls-passthrough": "false"})),
        "do-loadbalancer-tls-passthrough: true",
    ),
    one(
        "KIP736",
        "a value that is no boolean",
        (proxied(), service({HETZNER + "uses-proxyprotocol": "yes"})),
        (proxied(), service({HETZNER + "uses-proxyprotocol": "True"})),
        "uses-proxyprotocol: yes",
        "refused",
    ),
    one(
        "KIP736",
        "announcements on layer 2",
        (kong(), service(loadBalancerClass="io.cilium/l2-announcer", externalTrafficPolicy="Local")),
        (kong(), service(loadBalancerClass="io.cilium/bgp-control-plane", externalTrafficPolicy="Local")),
    ),
    one(
        "KIP736",
        "an ALB that leaves X-Forwarded-For to clients",
        (kong(**XFF), service(), front(annotations={ALB_ATTRIBUTES: f"{ALB_MODE}=preserve"})),
        (kong(**XFF), service(), front(annotations={ALB_ATTRIBUTES: f"{ALB_MODE}=append"})),
        "Ingress kong/front leads to Service kong/kong-proxy",
    ),
    one(
        "KIP736",
        "attributes of AWS's built-in controller, and Local",
        (
            proxied(),
            service({TYPE: "nlb", ATTRIBUTES: "proxy_protocol_v2.enabled=true"}, externalTrafficPolicy="Local"),
        ),
        (proxied(), service({TYPE: "nlb", ATTRIBUTES: "proxy_protocol_v2.enabled=true"})),
        "spec.externalTrafficPolicy: Local",
    ),
    one(
        "KIP738",
        "addresses of its own, and Local",
        (kong(), service(externalIPs=["192.0.2.7"], externalTrafficPolicy="Local")),
        (kong(), service(externalIPs=["192.0.2.7"])),
        "Service kong/kong-proxy spec.externalIPs: 192.0.2.7",
        "spec.externalTrafficPolicy: Local",
    ),
    one(
        "KIP738",
        "a list without an address",
        (kong(), service(type="ClusterIP", externalIPs=["192.0.2.7"], externalTrafficPolicy="Local")),
        (kong(), service(externalIPs=[], externalTrafficPolicy="Local")),
    ),
    one(
        "KIP743",
        "the mode in which kube-proxy binds published addresses",
        (kong(), LOCAL, node(version="v1.30.1"), kube_proxy("ipvs")),
        (kong(), LOCAL, node(version="v1.30.1"), kube_proxy("iptables")),
        "ConfigMap kube-system/kube-proxy config.conf: mode: ipvs",
        "spec.externalTrafficPolicy: Local",
        "status.loadBalancer.ingress[0] has ip 192.0.2.10",
        "status.nodeInfo.kubeletVersion: v1.30.1",
        "pods with hostNetwork",
    ),
    one(
        "KIP743",
        "a flag in the place of a ConfigMap, and old nodes",
        (kong(), LOCAL, node(version="v1.20.5"), kube_proxy_pods("--proxy-mode=ipvs")),
        (kong(), LOCAL, node(version="v1.20.5"), kube_proxy_pods("--proxy-mode=nftables")),
        "DaemonSet kube-system/kube-proxy, container kube-proxy: --proxy-mode=ipvs",
        "nodes and pods get no answer",
    ),
    one(
        "KIP743",
        "EKS's ConfigMap, and Cluster, which leads to any pod",
        (kong(), LOCAL, kube_proxy('"ipvs"', "config", "kube-proxy-config")),
        (kong(), service(status=PUBLISHED), kube_proxy('"ipvs"', "config", "kube-proxy-config")),
        "before Kubernetes 1.21",
    ),
    one(
        "KIP743",
        "a host name, which nodes do not bind",
        (kong(), LOCAL, kube_proxy("ipvs")),
        (kong(), service(status=NETWORK, externalTrafficPolicy="Local"), kube_proxy("ipvs")),
    ),
    one(
        "KIP743",
        "a pod of Kong's on each node",
        (kong(), LOCAL, kube_proxy("ipvs"), node(), node("n2"), on_node("n1")),
        (kong(), LOCAL, kube_proxy("ipvs"), node(), on_node("n1")),
    ),
    one(
        "KIP743",
        "a ConfigMap that somebody else calls so",
        (kong(), LOCAL, kube_proxy("ipvs")),
        (kong(), LOCAL, {**kube_proxy("ipvs"), "metadata": {"name": "kube-proxy", "namespace": "shop"}}),
    ),
    one(
        "KIP744",
        "a balancer that may connect from its published address",
        (kong(), service(ENDS_HTTP, status=PUBLISHED), kube_proxy("ipvs")),
        (kong(), service(ENDS_HTTP, status=BY_BALANCER), kube_proxy("ipvs")),
        "mode: ipvs",
        "status.loadBalancer.ingress[0] has ip 192.0.2.10",
        "load-balancer.hetzner.cloud/protocol",
    ),
    one(
        "KIP744",
        "a balancer that hands packets on",
        (kong(), service(ENDS_HTTP, status=PUBLISHED), kube_proxy("ipvs")),
        (kong(), service(METALLB, status=PUBLISHED), kube_proxy("ipvs")),
    ),
    one(
        "KIP744",
        "nothing tells the mode",
        (kong(), service(ENDS_HTTP, status=PUBLISHED), kube_proxy("ipvs")),
        (kong(), service(ENDS_HTTP, status=PUBLISHED), kube_proxy('""'), kube_proxy_pods()),
    ),
    one(
        "KIP740",
        "a Lambda function that is told the peer",
        (proxied(), service(), plugin("aws-lambda", awsgateway_compatible=True)),
        (proxied(), service(), plugin("aws-lambda", awsgateway_compatible=False)),
        "KongPlugin shop/own plugin: aws-lambda, config.awsgateway_compatible: true",
        "env KONG_TRUSTED_IPS: 10.0.0.0/8",
    ),
    one(
        "KIP740",
        "a function that asks for the peer",
        (proxied(), service(), plugin("pre-function", "KongClusterPlugin", access=["local a = kong.client.get_ip()"])),
        (
            proxied(),
            service(),
            plugin("pre-function", "KongClusterPlugin", access=["local a = kong.client.get_forwarded_ip()"]),
        ),
        "KongClusterPlugin own plugin: pre-function, config.access calls kong.client.get_ip",
    ),
    one(
        "KIP740",
        "nobody is trusted, so the peer is the client",
        (proxied(), service(), plugin("post-function", log=["", "kong.client.get_ip()"])),
        (kong(), service(), plugin("post-function", log=["", "kong.client.get_ip()"])),
    ),
    one(
        "KIP741",
        "a Kong whose nginx is older than version 2",
        (proxied({"image": "kong:1.2.2"}), service(EXTERNAL, CONTROLLER)),
        (proxied({"image": "kong:1.3"}), service(EXTERNAL, CONTROLLER)),
        "image: kong:1.2.2",
        "proxy-protocol",
    ),
    one(
        "KIP741",
        "a balancer that sends version 1",
        (proxied({"image": "kong:0.14.1"}), service(EXTERNAL, CONTROLLER)),
        (proxied({"image": "kong:0.14.1"}), service({PP: "*"}, BUILT_IN, CLASSIC)),
    ),
    one(
        "KIP742",
        "public addresses of nodes",
        (proxied(), service(SENDS), node(provider="hcloud://1", public="192.0.2.9")),
        (proxied(TRUSTED_IPS="10.0.0.0/8,192.0.2.9"), service(SENDS), node(provider="hcloud://1", public="192.0.2.9")),
        "Node n1 status.addresses: ExternalIP 192.0.2.9",
        "env KONG_TRUSTED_IPS: 10.0.0.0/8",
    ),
    one(
        "KIP742",
        "a cloud that translates them before the node",
        (proxied(), service(), node(provider="digitalocean://1", public="192.0.2.9")),
        (proxied(), service(), node(provider="aws:///eu/i-1", public="192.0.2.9")),
    ),
    one(
        "KIP742",
        "Local keeps the balancer's address",
        (proxied(), service(SENDS), node(provider="hcloud://1", public="192.0.2.9")),
        (
            proxied(),
            service(SENDS, externalTrafficPolicy="Local"),
            node(provider="hcloud://1", public="192.0.2.9"),
        ),
    ),
)
CASES = (*OF_KONG, *OF_WAYS)
