/**
 * Every field that the decoders of `src/wire` make, by protocol and type. Names follow the protocol's and a dot. A test
 * dissects real frames and fails when a decoder makes a field that is not here, or one of another type.
 */

/** What a field's values are, and so what they can be compared with. */
export type FieldType = 'number' | 'boolean' | 'ipv4' | 'ipv6' | 'mac' | 'string' | 'bytes' | 'time' | 'protocol';

/** The types that decoders give fields. Names of one type are separated by blanks. */
type ProtocolFields = { readonly [Type in Exclude<FieldType, 'time' | 'protocol'>]?: string };

/** Fields of a protocol without its name: `srcport` of `tcp` is `tcp.srcport`. */
export const decodedFields: Readonly<Record<string, ProtocolFields>> = {
  ah: { number: 'length next_header sequence spi', bytes: 'icv' },
  arp: {
    number: 'hw.size hw.type opcode proto.size proto.type',
    ipv4: 'dst.proto_ipv4 src.proto_ipv4',
    mac: 'dst.hw_mac src.hw_mac',
    bytes: 'dst.hw src.hw',
  },
  chdlc: { number: 'address control protocol' },
  cmd: { number: 'length options sgt type version' },
  data: { number: 'len' },
  dhcp: {
    number:
      'flags hops hw.len hw.type id option.dhcp option.ip_address_lease_time option.length ' +
      'option.option_overload option.rebinding_time_value option.renewal_time_value option.request_list_item ' +
      'option.time_offset option.type secs type',
    boolean: 'flags.bc option.ip_forwarding',
    ipv4:
      'ip.client ip.relay ip.server ip.your option.dhcp_server_id option.requested_ip_address option.router ' +
      'option.subnet_mask',
    mac: 'hw.mac_addr',
    string:
      'file option.classless_static_route option.dhcp_dns_domain_search_list_fqdn option.domain_name ' +
      'option.hostname option.message server',
    bytes: 'client_id hw.addr vendor_specific_options',
  },
  dhcpv6: {
    number:
      'duid.type duidll.hwtype duidllt.hwtype elapsed_time hopcount iaaddr.pref_lifetime iaaddr.valid_lifetime ' +
      'iaid.t1 iaid.t2 iaprefix.pref_len iaprefix.pref_lifetime iaprefix.valid_lifetime lifetime msgtype ' +
      'option.length option.type option_preference requested_option_code status_code xid',
    ipv6: 'dns_server iaaddr.ip iaprefix.pref_addr linkaddr peeraddr unicast',
    string: 'client_domain duidll.link_layer_addr duidllt.link_layer_addr iaid search_list_entry status_msg',
    bytes: 'duid.bytes interface_id',
  },
  dns: {
    number:
      'caa.flags caa.tag_length count.add_rr count.answers count.auth_rr count.prerequisites count.queries ' +
      'count.updates count.zones ds.algorithm ds.digest_type ds.key_id flags flags.opcode flags.rcode id length ' +
      'mx.preference opt.code opt.len qry.class qry.type resp.class resp.edns0_version resp.ext_rcode resp.len ' +
      'resp.ttl resp.type resp.z rr.udp_payload_size rrsig.algorithm rrsig.key_tag rrsig.labels ' +
      'rrsig.original_ttl rrsig.signature_expiration rrsig.signature_inception rrsig.type_covered ' +
      'soa.expire_limit soa.minimum_ttl soa.refresh_interval soa.retry_interval soa.serial_number srv.port ' +
      'srv.priority srv.weight svcb.svcparam.key svcb.svcparam.port svcb.svcparam.value.length svcb.svcpriority ' +
      'txt.length',
    boolean:
      'caa.flags.issuer_critical flags.authenticated flags.authoritative flags.checkdisable flags.conflict ' +
      'flags.recavail flags.recdesired flags.response flags.tentative flags.truncated flags.z qry.qu ' +
      'resp.cache_flush resp.z.do',
    ipv4: 'a svcb.svcparam.ipv4hint.ip',
    ipv6: 'aaaa svcb.svcparam.ipv6hint.ip',
    string:
      'caa.issue caa.tag cname mx.mail_exchange ns ptr.domain_name qry.name resp.name rrsig.signers_name ' +
      'soa.mname soa.rname srv.target svcb.svcparam.alpn svcb.targetname txt',
    bytes: 'data ds.digest opt.data rrsig.signature svcb.svcparam.value',
  },
  erspan: { number: 'cos index o sgt spanid timestamp truncated version vlan' },
  esp: { number: 'sequence spi' },
  eth: { number: 'len type', mac: 'dst src', bytes: 'padding trailer' },
  geneve: {
    number: 'option.class option.length option.type proto_type version vni',
    boolean: 'flags.critical flags.oam option.type.critical',
    bytes: 'option.unknown.data',
  },
  gre: {
    number:
      'ack_number checksum flags.recursion_control flags.version flags_and_version key key.call_id ' +
      'key.payload_length offset proto routing.address_family routing.src_length routing.sre_offset ' +
      'sequence_number',
    boolean: 'flags.ack flags.checksum flags.key flags.routing flags.sequence_number flags.strict_source_route',
    bytes: 'routing.information',
  },
  hip: { number: 'checksum hdr_len packet_type proto version' },
  http: {
    number: 'content_length response.code',
    string:
      'accept accept_encoding accept_language cache_control connection content_encoding content_type cookie ' +
      'date host last_modified location referer request.line request.method request.uri request.version ' +
      'response.line response.phrase response.version server set_cookie transfer_encoding upgrade user_agent ' +
      'www_authenticate',
  },
  icmp: {
    number:
      'addr_entry_size checksum code ext.checksum ext.class ext.ctype ext.echo.rsp.state ext.echo.seq ' +
      'ext.length ext.version ident length lifetime mpls.exp mpls.label mpls.ttl mtu num_addrs ' +
      'originate_timestamp pointer pref_level receive_timestamp seq transmit_timestamp type',
    boolean: 'ext.echo.req.local ext.echo.rsp.active ext.echo.rsp.ipv4 ext.echo.rsp.ipv6 mpls.s',
    ipv4: 'address_mask redir_gw router_address',
  },
  icmpv6: {
    number:
      'checksum code echo.identifier echo.sequence_number length mld.flag.qrv mld.maximum_response_code ' +
      'mld.maximum_response_delay mld.nb_sources mld.qqi mldr.mar.aux_data_len mldr.mar.nb_sources ' +
      'mldr.mar.record_type mldr.nb_mcast_records mtu nd.ra.cur_hop_limit nd.ra.flag.prf nd.ra.reachable_time ' +
      'nd.ra.retrans_timer nd.ra.router_lifetime opt.dnssl.lifetime opt.length opt.mtu ' +
      'opt.pref64.scaled_lifetime opt.prefix.length opt.prefix.preferred_lifetime opt.prefix.valid_lifetime ' +
      'opt.rdnss.lifetime opt.route_info.flag.route_preference opt.route_lifetime opt.type pointer type',
    boolean:
      'mld.flag.s nd.na.flag.o nd.na.flag.r nd.na.flag.s nd.ra.flag.h nd.ra.flag.m nd.ra.flag.o nd.ra.flag.p ' +
      'opt.prefix.flag.a opt.prefix.flag.l opt.prefix.flag.r',
    ipv6:
      'mld.multicast_address mld.source_address mldr.mar.multicast_address nd.na.target_address ' +
      'nd.ns.target_address nd.rd.target_address opt.pref64.prefix opt.prefix opt.rdnss ' +
      'rd.na.destination_address',
    mac: 'opt.linkaddr',
    string: 'opt.dnssl',
  },
  ieee8021ad: { number: 'etype id len priority', boolean: 'dei' },
  igmp: {
    number: 'aux_data_len checksum max_resp num_grp_recs num_src qqic qrv record_type type',
    boolean: 's',
    ipv4: 'maddr saddr',
  },
  ip: {
    number:
      'checksum dsfield.dscp dsfield.ecn frag_offset hdr_len id len opt.flag opt.id_number opt.len opt.mtu ' +
      'opt.ohc opt.overflow opt.ptr opt.ra opt.rhc opt.sec_rfc791_sec opt.sid opt.time_stamp opt.type proto ttl ' +
      'version',
    boolean: 'flags.df flags.mf flags.rb',
    ipv4: 'dst empty_rt opt.originator opt.time_stamp_addr rec_rt src src_rt',
    bytes: 'options',
  },
  ipv6: {
    number:
      'dstopts.len dstopts.nxt flow fraghdr.ident fraghdr.nxt fraghdr.offset hlim hopopts.len hopopts.nxt nxt ' +
      'opt.jumbo opt.length opt.pmtu.min opt.pmtu.rtn opt.router_alert opt.tel opt.type plen routing.len ' +
      'routing.nxt routing.segleft routing.srh.flags routing.srh.last_entry routing.type tclass version',
    boolean: 'fraghdr.more opt.pmtu.r_flag',
    ipv6: 'dst opt.mipv6.home_address routing.src.addr routing.srh.addr src',
    bytes: 'routing.srh.tag',
  },
  l2tp: {
    number: 'Nr Ns flags length offset session tunnel version',
    boolean: 'length_bit offset_bit priority seq_bit type',
  },
  llc: { number: 'cisco_pid control dsap oui ssap type' },
  llmnr: {},
  mdns: {},
  mip6: { number: 'csum hlen mhtype proto' },
  mpls: { number: 'exp label ttl', boolean: 'bottom' },
  mstp: {
    number:
      'cist_bridge.ext cist_bridge.prio cist_internal_root_path_cost cist_remaining_hops config_format_selector ' +
      'config_revision_level msti.bridge_priority msti.flags msti.msti_id msti.port_priority ' +
      'msti.remaining_hops msti.root_cost version_3_length',
    mac: 'cist_bridge.hw msti.root.hw',
    string: 'config_name',
    bytes: 'config_digest',
  },
  ntp: {
    number: 'flags.li flags.mode flags.vn ppoll precision rootdelay rootdispersion stratum',
    string: 'org rec refid reftime xmt',
  },
  null: { number: 'family' },
  ppp: { number: 'address control protocol' },
  pppoe: { number: 'code payload_length session_id type version' },
  pppoed: { string: 'tags.service_name', bytes: 'tags.host_uniq' },
  pppoes: {},
  pweth: { number: 'cw.sequence_number' },
  pwethcw: {},
  quic: {
    number: 'dcil header_form length long.packet_type long.packet_type_v2 scil supported_version token_length version',
    boolean: 'fixed_bit',
    bytes: 'dcid retry_integrity_tag retry_token scid token',
  },
  shim6: { number: 'checksum len nxt', boolean: 'p' },
  sll: { number: 'etype halen hatype ifindex pkttype', mac: 'src.eth', bytes: 'src.other' },
  stp: {
    number:
      'bridge.ext bridge.prio flags flags.port_role forward hello max_age msg_age port protocol root.cost ' +
      'root.ext root.prio type version version_1_length',
    boolean: 'flags.agreement flags.forwarding flags.learning flags.proposal flags.tc flags.tcack',
    mac: 'bridge.hw root.hw',
  },
  tcp: {
    number:
      'ack_raw checksum dstport flags hdr_len len options.mss_val options.sack_le options.sack_re ' +
      'options.timestamp.tsecr options.timestamp.tsval options.wscale.shift seq_raw srcport urgent_pointer ' +
      'window_size_value',
    boolean:
      'flags.ack flags.ae flags.cwr flags.ece flags.fin flags.push flags.reset flags.syn flags.urg ' +
      'options.sack_perm',
    bytes: 'options',
  },
  tls: {
    number:
      'alert_message.desc alert_message.level extension.psk_ke_mode extension.psk_ke_modes_length ' +
      'handshake.certificate_length handshake.certificates_length handshake.cipher_suites_length ' +
      'handshake.ciphersuite handshake.comp_method handshake.comp_methods_length handshake.extension.len ' +
      'handshake.extension.type handshake.extensions.supported_version ' +
      'handshake.extensions.supported_versions_len handshake.extensions_alpn_len ' +
      'handshake.extensions_alpn_str_len handshake.extensions_ec_point_format ' +
      'handshake.extensions_ec_point_formats_length handshake.extensions_key_share_client_length ' +
      'handshake.extensions_key_share_group handshake.extensions_key_share_key_exchange_length ' +
      'handshake.extensions_key_share_selected_group handshake.extensions_length ' +
      'handshake.extensions_server_name_len handshake.extensions_server_name_list_len ' +
      'handshake.extensions_server_name_type handshake.extensions_status_request_type ' +
      'handshake.extensions_supported_group handshake.extensions_supported_groups_length handshake.length ' +
      'handshake.session_id_length handshake.session_ticket_lifetime_hint handshake.sig_hash_alg ' +
      'handshake.sig_hash_alg_len handshake.type handshake.version heartbeat_message.payload_length ' +
      'heartbeat_message.type record.content_type record.length record.version record_size_limit',
    boolean: 'alert_message change_cipher_spec handshake',
    string: 'handshake.extensions_alpn_str handshake.extensions_server_name',
    bytes: 'handshake.random handshake.session_id',
  },
  udp: { number: 'checksum dstport length srcport' },
  vlan: { number: 'etype id len priority', boolean: 'dei' },
  vxlan: { number: 'flags gbp vni', boolean: 'flag_a flag_d flag_g flag_i' },
};
