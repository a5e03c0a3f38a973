users:
  user.present:
    - names:
      - anna:
        - uid: 1000
        - shell: /bin/zsh
      - bert:
        - uid: 1001
      - carl
    - shell: /bin/bash
