import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { maskSecrets } from '../../src/host/mask.ts';

test.each<[title: string, argv: string[], masked: string[]]>([
  ['curl -u', ['curl', '-u', 'admin:hunter2', 'x'], ['curl', '-u', '***', 'x']],
  ['curl -u glued', ['curl', '-uadmin:hunter2', 'x'], ['curl', '-u***', 'x']],
  ['--user=', ['curl', '--user=key:', 'x'], ['curl', '--user=***', 'x']],
  ['--password', ['app', '--password', 'a b'], ['app', '--password', '***']],
  ['--db-password=', ['app', '--db-password=a=b'], ['app', '--db-password=***']],
  ['--api-key', ['app', '--api-key', 'k', 'next'], ['app', '--api-key', '***', 'next']],
  ['mysql -p glued', ['mysql', '-phunter2', 'db'], ['mysql', '-p***', 'db']],
  ['sudo mysql -p glued', ['sudo', '/usr/bin/mysqldump', '-phunter2'], ['sudo', '/usr/bin/mysqldump', '-p***']],
  ['redis-cli -a', ['redis-cli', '-a', 'x', 'ping'], ['redis-cli', '-a', '***', 'ping']],
  ['mongosh -p', ['mongosh', '-u', 'me', '-p', 'x'], ['mongosh', '-u', '***', '-p', '***']],
  ['ipmitool -P', ['ipmitool', '-P', 'x', 'power'], ['ipmitool', '-P', '***', 'power']],
  [
    'snmpwalk',
    ['snmpwalk', '-A', 'x', '-X', 'y', '-c', 'public', 'h'],
    ['snmpwalk', '-A', '***', '-X', '***', '-c', '***', 'h'],
  ],
  ['openssl -passin', ['openssl', 'rsa', '-passin', 'pass:x'], ['openssl', 'rsa', '-passin', '***']],
  ['registry login', ['podman', 'login', '-p', 'x', 'quay.example'], ['podman', 'login', '-p', '***', 'quay.example']],
  ['header', ['curl', '-H', 'Authorization: Bearer abc', 'x'], ['curl', '-H', 'Authorization: ***', 'x']],
  ['header glued', ['curl', '-HX-Api-Key: abc'], ['curl', '-HX-Api-Key: ***']],
  ['--header=', ['curl', '--header=Cookie: a=b'], ['curl', '--header=Cookie: ***']],
  ['credentials in a URL', ['git', 'clone', 'https://me:pw@h/r'], ['git', 'clone', 'https://***@h/r']],
  [
    'token in a URL',
    ['curl', 'https://h/p?id=1&access_token=abc&x=2'],
    ['curl', 'https://h/p?id=1&access_token=***&x=2'],
  ],
  [
    'variable',
    ['env', 'DB_PASSWORD=x', 'GITHUB_TOKEN=y', 'A=b'],
    ['env', 'DB_PASSWORD=***', 'GITHUB_TOKEN=***', 'A=b'],
  ],
  ['form', ['curl', '-d', 'user=me&password=x'], ['curl', '-d', 'user=me&password=***']],
  ['JSON', ['curl', '-d', '{"user":"me","password":"a\\"b"}'], ['curl', '-d', '{"user":"me","password":"***"}']],
  [
    'a script in one argument',
    ['sh', '-c', 'curl -u a:b -H "Authorization: Basic c" https://x:y@h/'],
    ['sh', '-c', 'curl -u *** -H "Authorization: ***" https://***@h/'],
  ],
])('hides the secret of %s', (_title, argv, masked) => {
  expect(maskSecrets(argv)).toEqual(masked);
});

test.each([
  [['ssh', '-N', '-L', '19001:127.0.0.1:443', 'me@bastion']],
  [['podman', 'run', '-p', '8080:80', '--name', 'web', 'localhost/bb:1']],
  [['curl', '-sk', 'https://10.88.0.1:19001/ping']],
  [['nc', '-l', '-p', '80']],
  [['envoy', 'auth:8080', 'token-service:443']],
  [['sshd', '-o', 'PasswordAuthentication=no']],
])('leaves %j as it is', (argv) => {
  expect(maskSecrets(argv)).toEqual(argv);
});

test('no password of any shape comes through', () => {
  const password = fc.stringMatching(/^[A-Za-z0-9%!.,_~+-]{8,20}$/).map((text) => `q7${text}`);
  fc.assert(
    fc.property(password, (secret) => {
      const shapes = [
        ['--password', secret],
        [`--password=${secret}`],
        [`https://u:${secret}@h/`],
        [`-H`, `Authorization: ${secret}`],
      ];
      return shapes.every(
        (shape) =>
          !maskSecrets(['app', ...shape])
            .join(' ')
            .includes(secret),
      );
    }),
  );
});
