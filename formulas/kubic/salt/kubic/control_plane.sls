{%- set kubic = salt['pillar.get']('kubic', {}) %}
{%- set node = salt['microos.node']() %}
control_plane:
  kubeadm.initialized:
    - pod_network_cidr: {{ kubic.get('pod_network_cidr', '10.244.0.0/16') | yaml_dquote }}
{%- if kubic.get('address') %}
    - address: {{ kubic.address | yaml_dquote }}
{%- endif %}
{%- if kubic.get('hostname') %}
    - node_name: {{ kubic.hostname | yaml_dquote }}
{%- endif %}

{%- if node.root == '/' %}

# kubectl finds the cluster by itself, for root.
/root/.kube/config:
  file.copy:
    - source: /etc/kubernetes/admin.conf
    - makedirs: True
    - force: True
    - mode: '0600'
    - require:
      - kubeadm: control_plane
{%- endif %}

{%- if kubic.get('network_manifest') %}

# A real cluster needs a pod network; the stand-in has no pods and no manifest is set for it.
network:
  cmd.run:
    - name: kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f "$MANIFEST"
    - env:
      - MANIFEST: {{ kubic.network_manifest | yaml_dquote }}
    - require:
      - kubeadm: control_plane
{%- endif %}
